# The streams of one shard, from its host to the nodes of a cluster.
provider "aws" {
  region = "us-east-1"
}

module "mdc" {
  source = "../.."

  name                         = "vesta-example"
  publisher_security_group_ids = { engine = "sg-0123456789abcdef0" }
  reader_security_group_ids    = { nodes = "sg-0fedcba9876543210" }
  shards                       = { btc = { id = 1, publisher_address = "10.0.1.10" } }

  tags = { Project = "vesta" }
}
