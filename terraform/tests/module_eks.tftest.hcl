# A cluster with the default node groups.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "acme-shared"
  vpc_id      = "vpc-1"
  subnet_ids  = ["subnet-1", "subnet-2"]
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"

  load_balancer_security_group_ids = { spot = "sg-1" }
  backup_bucket_arns               = ["arn:aws:s3:::acme-backups"]
}

run "default_node_groups" {
  command = plan

  module {
    source = "./modules/eks"
  }

  assert {
    condition = { for name, group in aws_eks_node_group.this : name =>
      "${group.instance_types[0]} ${group.scaling_config[0].min_size}-${group.scaling_config[0].max_size} ${group.capacity_type}"
      } == {
      general = "t3.xlarge 3-10 ON_DEMAND", compute-spot = "c6i.2xlarge 2-20 SPOT", memory = "r6i.xlarge 1-5 ON_DEMAND"
    }
    error_message = "The node groups are not general, compute-spot and memory as required."
  }

  assert {
    condition = alltrue([for template in aws_launch_template.nodes :
      template.metadata_options[0].http_tokens == "required" && template.block_device_mappings[0].ebs[0].volume_size == 100 && template.block_device_mappings[0].ebs[0].volume_type == "gp3"
    ])
    error_message = "Nodes lack IMDSv2 or 100 GiB of gp3."
  }

  assert {
    condition     = { for name, addon in aws_eks_addon.this : name => addon.addon_name if name == "vpc-cni" } == { vpc-cni = "vpc-cni" } && jsondecode(aws_eks_addon.this["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "The CNI does not enforce network policies."
  }

  assert {
    condition     = !aws_eks_cluster.this[0].vpc_config[0].endpoint_public_access && aws_eks_cluster.this[0].vpc_config[0].endpoint_private_access
    error_message = "The Kubernetes API is open to the internet."
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.service : name => rule.from_port } == { spot-api = 7999, spot-websocket = 8080 }
    error_message = "Load balancers reach other ports than API and WebSocket."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.node[0].policy).Statement[0].Action == ["s3:PutObject"]
    error_message = "Nodes may do more with backups than write them."
  }

  assert {
    condition     = strcontains(aws_ssm_parameter.autoscaler[0].insecure_value, "\"scale-down-utilization-threshold\": \"0.5\"")
    error_message = "The autoscaler's settings are not kept."
  }
}

run "the_whole_internet" {
  command = plan

  module {
    source = "./modules/eks"
  }

  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}
