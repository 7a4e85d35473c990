# Two load balancers behind a web ACL, and CloudFront for a bucket that exists.
provider "aws" {
  region = "us-east-1"
}

module "edge" {
  source = "../.."

  name              = "vesta-example"
  domain_name       = "trade.example.com"
  vpc_id            = "vpc-0123456789abcdef0"
  public_subnet_ids = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  logs_bucket       = "example-logs"
  create_waf        = true

  static_bucket = {
    id          = "example-static"
    arn         = "arn:aws:s3:::example-static"
    domain_name = "example-static.s3.us-east-1.amazonaws.com"
  }

  tags = { Project = "vesta" }
}
