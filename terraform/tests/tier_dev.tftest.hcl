# The tier "dev", planned whole: each row of what is planned against the row that is required.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "secondary"
  source = "./tests/mocks"
}

run "expected" {
  module {
    source = "./tests/expected"
  }
}

run "rows" {
  command = plan

  variables {
    tier          = "dev"
    bucket_prefix = "acme-vesta"
    domain_name   = "trade.example.com"
    release       = { bucket = "acme-releases", key = "vesta.tar.gz", sha256 = sha256("") }
  }

  assert {
    condition = alltrue([for row, want in run.expected.tiers["dev"] : try(jsonencode(output.inventory[row]) == jsonencode(want), false)])
    error_message = join("\n", [for row, want in run.expected.tiers["dev"] :
      "${row}: planned ${try(jsonencode(output.inventory[row]), "nothing")}, required ${jsonencode(want)}"
      if try(jsonencode(output.inventory[row]) != jsonencode(want), true)
    ])
  }

  assert {
    condition     = length(setsubtract(keys(output.inventory), keys(run.expected.tiers["dev"]))) == 0
    error_message = "Rows that nothing is required of: ${join(", ", setsubtract(keys(output.inventory), keys(run.expected.tiers["dev"])))}"
  }
}

# What the documented path builds has CPUs for the roles alone. Addresses, and with them the script, are known after
# an apply; here they are given.
run "roles_have_cpus_of_their_own" {
  command = plan

  variables {
    tier          = "dev"
    bucket_prefix = "acme-vesta"
    domain_name   = "trade.example.com"
    release       = { bucket = "acme-releases", key = "vesta.tar.gz", sha256 = sha256("") }
    shard_cores   = { futures-all = { sequencer = 13, engine = 14, md_publisher = 15 } }
    settings      = "[log]\nlevel = \"debug\""
  }

  override_resource {
    target          = module.engine.aws_network_interface.hot
    override_during = plan
    values          = { private_ip = "10.0.1.10", mac_address = "0a:1b:2c:3d:4e:5f" }
  }

  override_resource {
    target          = module.engine.aws_ebs_volume.wal
    override_during = plan
    values          = { id = "vol-0123456789abcdef0" }
  }

  override_resource {
    target          = module.standby.module.hosts.aws_network_interface.hot
    override_during = plan
    values          = { private_ip = "10.0.1.10", mac_address = "0a:1b:2c:3d:4e:5f" }
  }

  override_resource {
    target          = module.standby.module.hosts.aws_ebs_volume.wal
    override_during = plan
    values          = { id = "vol-0123456789abcdef0" }
  }

  assert {
    condition = alltrue([for scripts in [module.engine.user_data, module.standby.user_data] :
      strcontains(scripts["spot-all"], "\n[cores]\nsequencer = \"2\"\nengine = \"3\"\nmd_publisher = \"4\"\n")
    ])
    error_message = "A host as it is by default isolates nothing."
  }

  assert {
    condition = alltrue([for scripts in [module.engine.user_data, module.standby.user_data] :
      strcontains(scripts["futures-all"], "\n[cores]\nsequencer = \"13\"\nengine = \"14\"\nmd_publisher = \"15\"\n")
    ])
    error_message = "A shard's own cores do not come to its hosts."
  }

  assert {
    condition     = alltrue(flatten([for scripts in [module.engine.user_data, module.standby.user_data] : [for script in scripts : strcontains(script, "\n[log]\nlevel = \"debug\"\nVESTA_TOML")]]))
    error_message = "More settings do not come to the hosts."
  }
}

run "cores_of_no_shard" {
  command = plan

  variables {
    tier          = "dev"
    bucket_prefix = "acme-vesta"
    domain_name   = "trade.example.com"
    release       = { bucket = "acme-releases", key = "vesta.tar.gz", sha256 = sha256("") }
    shard_cores   = { spot-btc = { engine = 5 } }
  }

  expect_failures = [var.shard_cores]
}
