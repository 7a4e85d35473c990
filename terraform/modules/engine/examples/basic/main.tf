# One shard on one metal host, in a network that exists.
provider "aws" {
  region = "us-east-1"
}

module "engine" {
  source = "../.."

  name      = "vesta-example"
  vpc_id    = "vpc-0123456789abcdef0"
  zone      = "us-east-1a"
  subnet_id = "subnet-0123456789abcdef0"
  ami_id    = "ami-0123456789abcdef0"

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
