# Fan-out by unicast: rules both ways, and the settings.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                         = "acme"
  publisher_security_group_ids = { engine = "sg-1" }
  reader_security_group_ids    = { nodes = "sg-2" }
  shards                       = { btc = { id = 1, publisher_address = "10.0.1.10" } }
}

run "four_streams" {
  command = plan

  module {
    source = "./modules/mdc"
  }

  assert {
    condition     = [for stream in ["input_log", "event_log", "market_data", "snapshots"] : aws_vpc_security_group_ingress_rule.control["${stream}-engine-nodes"].from_port] == [24120, 24130, 24140, 24141]
    error_message = "Readers can not reach the publishers' control ports."
  }

  assert {
    condition     = [for stream in ["input_log", "event_log", "market_data", "snapshots"] : aws_vpc_security_group_ingress_rule.data["${stream}-engine-nodes"].from_port] == [24220, 24230, 24240, 24241]
    error_message = "Streams can not reach the readers."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.control) == 4 && length(aws_vpc_security_group_egress_rule.data) == 4 && alltrue([for rule in aws_vpc_security_group_egress_rule.data : rule.ip_protocol == "udp"])
    error_message = "A rule outward is missing."
  }

  assert {
    condition     = startswith(aws_ssm_parameter.streams["btc"].insecure_value, "[streams.orders]\nendpoint = \"10.0.1.10:24010\"\n") && strcontains(aws_ssm_parameter.streams["btc"].insecure_value, "[streams.market_data]\ncontrol = \"10.0.1.10:24140\"\nreader_endpoint = \"0.0.0.0:24240\"\nflow_control = \"fastest\"\n")
    error_message = "The settings are not those of vesta.toml."
  }
}

run "a_port_for_two" {
  command = plan

  module {
    source = "./modules/mdc"
  }

  variables {
    streams = {
      input_log = { control_port = 24120, reader_port = 24220, flow_control = "slowest" }
      event_log = { control_port = 24120, reader_port = 24230, flow_control = "slowest" }
    }
  }

  expect_failures = [var.streams]
}
