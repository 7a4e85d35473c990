# Network and engine against moto, a server that plays AWS on loopback: AWS_ENDPOINT_URL leads there. It
# knows real instance types, so the precondition on them meets real data. It knows neither placement groups
# nor capacity reservations, which the tests over a mocked provider cover.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false
  skip_credentials_validation = true
}

variable "instance_type" {
  description = "Type of the host."
  type        = string
  default     = "m5zn.metal"
}

variable "wal_gib" {
  description = "Size of the log volume."
  type        = number
  default     = 200
}

# The real check of a placeable type runs where the group itself can not be made.
data "aws_ec2_instance_type" "this" {
  instance_type = var.instance_type
}

data "aws_ami" "this" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

resource "aws_s3_bucket" "logs" {
  bucket = "acme-vesta-logs"
}

module "network" {
  source = "../../modules/network"

  name                 = "acme"
  zones                = ["us-east-1a", "us-east-1b"]
  nat_gateway_count    = 2
  flow_logs_bucket_arn = aws_s3_bucket.logs.arn

  # moto makes it, but never says that it is gone.
  create_cache_subnet_group = false

  tags = { Project = "vesta" }
}

module "engine" {
  source = "../../modules/engine"

  name      = "acme-engine"
  vpc_id    = module.network.vpc_id
  zone      = "us-east-1a"
  subnet_id = module.network.private_subnet_ids["us-east-1a"]
  ami_id    = data.aws_ami.this.id
  release   = { bucket = "acme-releases", key = "vesta.tar.gz", sha256 = sha256("") }

  shards = {
    btc = { id = 1, instance_type = var.instance_type, market = "spot", symbols = "BTC-*", wal_gib = var.wal_gib, wal_iops = 4000 }
  }

  streams_parameter_prefix = "/acme/shards"

  create_placement_group      = false
  create_capacity_reservation = false

  tags = { Project = "vesta" }
}

module "mdc" {
  source = "../../modules/mdc"

  name                         = "acme"
  publisher_security_group_ids = { engine = module.engine.hot_security_group_id }
  reader_security_group_ids    = { nodes = module.engine.management_security_group_id }
  shards                       = { btc = { id = 1, publisher_address = module.engine.hot_addresses["btc"] } }

  tags = { Project = "vesta" }
}

output "streams" {
  description = "What the host appends to its settings."
  value       = module.mdc.parameters
}

output "placement_strategies" {
  description = "Strategies that the type supports, as AWS's own data says."
  value       = data.aws_ec2_instance_type.this.supported_placement_strategies
}

output "engine" {
  description = "What was made."
  value = {
    instance_types = module.engine.instance_types
    hot_addresses  = module.engine.hot_addresses
    wal_volumes    = module.engine.wal_volumes
    user_data      = module.engine.user_data
  }
}
