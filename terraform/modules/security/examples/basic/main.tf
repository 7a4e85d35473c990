# Keys, two secrets of which one rotates, the trail and the roles.
provider "aws" {
  region = "us-east-1"
}

module "security" {
  source = "../.."

  name           = "vesta-example"
  trail_bucket   = "example-logs"
  release_bucket = "example-releases"

  secrets = {
    jwt-signing = { kind = "random", rotation_days = 180 }
    api-keys    = { kind = "manual" }
  }

  tags = { Project = "vesta" }
}
