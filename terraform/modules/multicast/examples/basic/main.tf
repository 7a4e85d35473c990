# A domain over one subnet. `create` has to be said: it is off by default.
provider "aws" {
  region = "us-east-1"
}

module "multicast" {
  source = "../.."

  create             = true
  name               = "vesta-example"
  vpc_id             = "vpc-0123456789abcdef0"
  subnet_ids         = { us-east-1a = "subnet-0123456789abcdef0" }
  security_group_ids = { engine = "sg-0123456789abcdef0" }

  tags = { Project = "vesta" }
}
