# Standbys: as the primaries, elsewhere.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "acme-standby"
  vpc_id       = "vpc-1"
  primary_zone = "us-east-1a"
  zone         = "us-east-1b"
  subnet_id    = "subnet-2"
  ami_id       = "ami-1"
  release      = { bucket = "acme-releases", key = "vesta-1.tar.gz", sha256 = sha256("") }
  shards       = { btc = { id = 1, instance_type = "m5zn.metal", market = "spot", symbols = "BTC-*" } }
}

run "another_zone" {
  command = plan

  module {
    source = "./modules/standby"
  }

  assert {
    condition     = output.zones == { btc = "us-east-1b" } && output.shard_tags["btc"].Role == "standby"
    error_message = "The standby is not one, or not in its zone."
  }

  assert {
    condition     = output.placement == ["cluster"] && output.capacity_reservations["btc"].zone == "us-east-1b"
    error_message = "The standby has no place of its own."
  }
}

run "the_same_zone" {
  command = plan

  module {
    source = "./modules/standby"
  }

  variables {
    zone = "us-east-1a"
  }

  expect_failures = [var.zone]
}

run "a_table_twice" {
  command = plan

  module {
    source = "./modules/standby"
  }

  variables {
    settings = "[log]\nlevel = \"debug\"\n\n[metrics]\naddress = \"127.0.0.1\""
  }

  expect_failures = [var.settings]
}

run "cores_twice" {
  command = plan

  module {
    source = "./modules/standby"
  }

  variables {
    settings = " [ cores ]\nengine = \"5\""
  }

  expect_failures = [var.settings]
}

run "the_systems_cpu" {
  command = plan

  module {
    source = "./modules/standby"
  }

  variables {
    shards = { btc = { id = 1, instance_type = "m5zn.metal", cores = { engine = 0 } } }
  }

  expect_failures = [var.shards]
}

run "two_roles_on_a_cpu" {
  command = plan

  module {
    source = "./modules/standby"
  }

  variables {
    shards = { btc = { id = 1, instance_type = "m5zn.metal", cores = { engine = 2 } } }
  }

  expect_failures = [var.shards]
}
