# A cluster with the three node groups that are the default.
provider "aws" {
  region = "us-east-1"
}

module "eks" {
  source = "../.."

  name        = "vesta-example"
  vpc_id      = "vpc-0123456789abcdef0"
  subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"

  tags = { Project = "vesta" }
}
