# Buckets and repositories without a second region.
provider "aws" {
  region = "us-east-1"
}

module "storage" {
  source = "../.."

  bucket_prefix = "vesta-example"
  kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  image_count   = 50

  tags = { Project = "vesta" }
}
