terraform {
  required_version = ">= 1.9"

  required_providers {
    # The provider of the second region: `providers = { aws = aws.secondary }`.
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
