# PostgreSQL with a standby in another zone and two read replicas.
provider "aws" {
  region = "us-east-1"
}

module "database" {
  source = "../.."

  name              = "vesta-example"
  vpc_id            = "vpc-0123456789abcdef0"
  subnet_group_name = "vesta-example"
  kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"

  instance_class = "db.r6g.xlarge"
  replica_class  = "db.r6g.large"
  multi_az       = true
  allocated_gib  = 200

  allowed_security_group_ids = { nodes = "sg-0123456789abcdef0" }

  tags = { Project = "vesta" }
}
