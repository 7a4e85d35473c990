# Three brokers of MSK in three zones.
provider "aws" {
  region = "us-east-1"
}

module "kafka" {
  source = "../.."

  name          = "vesta-example"
  vpc_id        = "vpc-0123456789abcdef0"
  subnet_ids    = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210", "subnet-00112233445566778"]
  kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  instance_type = "kafka.m5.large"

  allowed_security_group_ids = { nodes = "sg-0123456789abcdef0" }

  tags = { Project = "vesta" }
}
