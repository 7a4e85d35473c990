# Two zones that share one NAT gateway.
provider "aws" {
  region = "us-east-1"
}

module "network" {
  source = "../.."

  name              = "vesta-example"
  zones             = ["us-east-1a", "us-east-1b"]
  nat_gateway_count = 1
  create_flow_logs  = false

  tags = { Project = "vesta" }
}
