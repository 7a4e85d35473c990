# Backups only; the provider is that of the second region.
provider "aws" {
  region = "us-west-2"
}

module "dr" {
  source = "../.."

  name          = "vesta-example-dr"
  bucket_prefix = "vesta-example-dr"

  tags = { Project = "vesta" }
}
