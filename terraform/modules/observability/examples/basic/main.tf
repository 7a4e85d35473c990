# Logs, topics, and the alarms that need no resource of AWS.
provider "aws" {
  region = "us-east-1"
}

module "observability" {
  source = "../.."

  name   = "vesta-example"
  emails = { critical = ["duty@example.com"] }

  tags = { Project = "vesta" }
}
