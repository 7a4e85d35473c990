# Metal hosts: what is made for each shard, and what is refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name      = "acme-engine"
  vpc_id    = "vpc-1"
  zone      = "us-east-1a"
  subnet_id = "subnet-1"
  ami_id    = "ami-1"
  release   = { bucket = "acme-releases", key = "vesta-1.tar.gz", sha256 = sha256("") }

  shards = {
    btc = { id = 1, instance_type = "m5zn.metal", market = "spot", symbols = "BTC-*" }
    eth = { id = 2, instance_type = "m5zn.metal", market = "spot", symbols = "ETH-*", wal_gib = 400, wal_iops = 8000, cores = { md_publisher = 7 } }
  }
  peer_security_group_ids = { nodes = "sg-1" }
}

run "two_shards" {
  command = plan

  module {
    source = "./modules/engine"
  }

  assert {
    condition     = { for name, host in aws_instance.this : name => host.instance_type } == { btc = "m5zn.metal", eth = "m5zn.metal" }
    error_message = "There is not one metal host per shard."
  }

  assert {
    condition     = aws_placement_group.this[0].strategy == "cluster"
    error_message = "The placement group is not a cluster."
  }

  assert {
    condition = alltrue([for reservation in aws_ec2_capacity_reservation.this :
      reservation.instance_count == 1 && reservation.instance_match_criteria == "targeted" && reservation.end_date_type == "unlimited"
    ]) && length(aws_ec2_capacity_reservation.this) == 2
    error_message = "Not every host has its reserved place."
  }

  assert {
    condition     = alltrue([for template in aws_launch_template.this : template.metadata_options[0].http_tokens == "required" && template.placement[0].group_name == "acme-engine"])
    error_message = "A launch template does without IMDSv2 or the placement group."
  }

  assert {
    condition     = { for name, attachment in aws_network_interface_attachment.hot : name => attachment.device_index } == { btc = 1, eth = 1 }
    error_message = "A host lacks its second interface."
  }

  assert {
    condition     = { for name, volume in aws_ebs_volume.wal : name => "${volume.type} ${volume.size} ${volume.iops} ${volume.encrypted}" } == { btc = "io2 200 16000 true", eth = "io2 400 8000 true" }
    error_message = "The log volumes are not as the shards say."
  }

  assert {
    condition = { for name, rule in aws_vpc_security_group_ingress_rule.aeron : name => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" } == {
      nodes = "udp 24001-24399", self = "udp 24001-24399"
    }
    error_message = "The streams admit somebody else than peers and the hosts themselves."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.aeron : rule.cidr_ipv4 == null])
    error_message = "The streams admit a network instead of a group."
  }
}

# Addresses, and with them the script, are known after an apply; here they are given.
run "first_boot" {
  command = plan

  module {
    source = "./modules/engine"
  }

  variables {
    settings                 = "[log]\nlevel = \"debug\""
    streams_parameter_prefix = "/acme/shards"
  }

  override_resource {
    target          = aws_network_interface.hot
    override_during = plan
    values          = { private_ip = "10.0.1.10", mac_address = "0a:1b:2c:3d:4e:5f" }
  }

  override_resource {
    target          = aws_ebs_volume.wal
    override_during = plan
    values          = { id = "vol-0123456789abcdef0" }
  }

  override_resource {
    target          = aws_security_group.hot
    override_during = plan
    values          = { id = "sg-2" }
  }

  assert {
    condition = alltrue([for line in ["vesta-tune apply --profile 'ena-metal'", "vesta-tune check --profile 'ena-metal'"] :
      strcontains(base64decode(aws_launch_template.this["btc"].user_data), line)
    ])
    error_message = "The script does not tune the host, or does not check it."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["btc"].user_data), "${sha256("")}  /opt/vesta/release.tar.gz' | sha256sum --check --strict")
    error_message = "The script does not check the release."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["eth"].user_data), "[shard]\nid = 2\n\n[transport]\nmode = \"mdc\"\ninterface = \"10.0.1.10/32\"")
    error_message = "The settings do not name the shard, the transport and the interface."
  }

  assert {
    condition = { for name, template in aws_launch_template.this : name => one(regexall("(?m)^\\[cores\\]\n(?:[a-z_]+ = .+\n)+", base64decode(template.user_data))) } == {
      btc = "[cores]\nsequencer = \"2\"\nengine = \"3\"\nmd_publisher = \"4\"\n"
      eth = "[cores]\nsequencer = \"2\"\nengine = \"3\"\nmd_publisher = \"7\"\n"
    }
    error_message = "A role has no CPU of its own."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["eth"].user_data), "[log]\nlevel = \"debug\"\nVESTA_TOML")
    error_message = "Settings of the caller are lost."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["btc"].user_data), "$2 == \"vol0123456789abcdef0\"")
    error_message = "The script does not know its log volume."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["eth"].user_data), "--name '/acme/shards/eth/streams'") && strcontains(aws_iam_role_policy.this[0].policy, "parameter/acme/shards/*")
    error_message = "The script does not fetch the shard's streams, or may not."
  }

  assert {
    condition     = length(aws_launch_template.this["btc"].user_data) < 16384 * 4 / 3
    error_message = "AWS takes 16 KiB of user data."
  }
}

run "not_bare_metal" {
  command = plan

  module {
    source = "./modules/engine"
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { bare_metal = false, supported_placement_strategies = ["cluster"], supported_architectures = ["x86_64"] }
  }

  expect_failures = [aws_launch_template.this]
}

run "not_placeable" {
  command = plan

  module {
    source = "./modules/engine"
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { bare_metal = true, supported_placement_strategies = ["partition", "spread"], supported_architectures = ["x86_64"] }
  }

  expect_failures = [aws_launch_template.this]
}

run "not_x86" {
  command = plan

  module {
    source = "./modules/engine"
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { bare_metal = true, supported_placement_strategies = ["cluster"], supported_architectures = ["arm64"] }
  }

  expect_failures = [aws_launch_template.this]
}

run "two_shards_of_one_number" {
  command = plan

  module {
    source = "./modules/engine"
  }

  variables {
    shards = {
      btc = { id = 1, instance_type = "m5zn.metal" }
      eth = { id = 1, instance_type = "m5zn.metal" }
    }
  }

  expect_failures = [var.shards]
}

run "a_table_twice" {
  command = plan

  module {
    source = "./modules/engine"
  }

  variables {
    settings = "[log]\nlevel = \"debug\"\n\n[metrics]\naddress = \"127.0.0.1\""
  }

  expect_failures = [var.settings]
}

run "cores_twice" {
  command = plan

  module {
    source = "./modules/engine"
  }

  variables {
    settings = " [ cores ]\nengine = \"5\""
  }

  expect_failures = [var.settings]
}

run "the_systems_cpu" {
  command = plan

  module {
    source = "./modules/engine"
  }

  variables {
    shards = { btc = { id = 1, instance_type = "m5zn.metal", cores = { engine = 0 } } }
  }

  expect_failures = [var.shards]
}

run "two_roles_on_a_cpu" {
  command = plan

  module {
    source = "./modules/engine"
  }

  variables {
    shards = { btc = { id = 1, instance_type = "m5zn.metal", cores = { engine = 2 } } }
  }

  expect_failures = [var.shards]
}
