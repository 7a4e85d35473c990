# The standby of one shard, in another zone than its primary.
provider "aws" {
  region = "us-east-1"
}

module "standby" {
  source = "../.."

  name         = "vesta-example-standby"
  vpc_id       = "vpc-0123456789abcdef0"
  primary_zone = "us-east-1a"
  zone         = "us-east-1b"
  subnet_id    = "subnet-0123456789abcdef0"
  ami_id       = "ami-0123456789abcdef0"

  shards = {
    btc = { id = 1, instance_type = "m5zn.metal", market = "spot", symbols = "BTC-*" }
  }

  release = {
    bucket = "example-releases"
    key    = "vesta-0.2.0-x86_64.tar.gz"
    sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  }

  tags = { Project = "vesta" }
}
