# One budget for all.
provider "aws" {
  region = "us-east-1"
}

module "budgets" {
  source = "../.."

  name       = "vesta-example"
  limits_usd = { total = 2488 }
  topic_arn  = "arn:aws:sns:us-east-1:123456789012:vesta-example-warning"

  tags = { Project = "vesta" }
}
