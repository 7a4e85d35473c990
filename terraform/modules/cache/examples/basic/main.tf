# A primary and two replicas, in cluster mode.
provider "aws" {
  region = "us-east-1"
}

module "cache" {
  source = "../.."

  name              = "vesta-example"
  vpc_id            = "vpc-0123456789abcdef0"
  subnet_group_name = "vesta-example"
  kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  node_type         = "cache.r6g.xlarge"
  cluster_mode      = true

  allowed_security_group_ids = { nodes = "sg-0123456789abcdef0" }

  tags = { Project = "vesta" }
}
