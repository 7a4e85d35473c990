# What downstream consumers read: MSK, or one Redpanda host where that is enough.

locals {
  msk      = var.create && var.flavour == "msk"
  redpanda = var.create && var.flavour == "redpanda"
  port     = var.flavour == "msk" ? 9098 : 9092

  partitions = one(distinct(values(var.topics)))
}

data "aws_partition" "current" {}

resource "aws_security_group" "this" {
  count = var.create ? 1 : 0

  name        = "${var.name}-kafka"
  description = "Brokers of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-kafka" })
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = var.create ? var.allowed_security_group_ids : {}

  security_group_id            = aws_security_group.this[0].id
  description                  = "Kafka from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count = local.redpanda ? 1 : 0

  security_group_id = aws_security_group.this[0].id
  description       = "Image and packages, Session Manager"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = merge(var.tags, { Name = "https" })
}

resource "aws_vpc_security_group_egress_rule" "http" {
  count = local.redpanda ? 1 : 0

  security_group_id = aws_security_group.this[0].id
  description       = "Packages, which are signed"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80

  tags = merge(var.tags, { Name = "http" })
}

resource "aws_cloudwatch_log_group" "this" {
  count = local.msk ? 1 : 0

  name              = "/vesta/${var.name}/kafka"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_kms_key_arn

  tags = var.tags
}

resource "aws_msk_configuration" "this" {
  count = local.msk ? 1 : 0

  name           = var.name
  kafka_versions = [var.kafka_version]
  server_properties = join("\n", [
    "auto.create.topics.enable=true",
    "num.partitions=${local.partitions}",
    "default.replication.factor=3",
    "min.insync.replicas=2",
    "unclean.leader.election.enable=false",
    "",
  ])

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "this" {
  count = local.msk ? 1 : 0

  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.broker_count
  enhanced_monitoring    = "PER_BROKER"

  broker_node_group_info {
    instance_type   = var.instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.this[0].id]

    storage_info {
      ebs_storage_info {
        volume_size = var.volume_gib
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[0].arn
    revision = aws_msk_configuration.this[0].latest_revision
  }

  client_authentication {
    sasl {
      iam = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }

      node_exporter {
        enabled_in_broker = true
      }
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.this[0].name
      }
    }
  }

  tags = var.tags
}

resource "aws_iam_role" "redpanda" {
  count = local.redpanda ? 1 : 0

  name = "${var.name}-redpanda"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "redpanda" {
  count = local.redpanda ? 1 : 0

  role       = aws_iam_role.redpanda[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "redpanda" {
  count = local.redpanda ? 1 : 0

  name = "${var.name}-redpanda"
  role = aws_iam_role.redpanda[0].name

  tags = var.tags
}

resource "aws_instance" "redpanda" {
  count = local.redpanda ? var.broker_count : 0

  ami                    = var.ami_id
  instance_type          = var.instance_type
  subnet_id              = var.subnet_ids[0]
  vpc_security_group_ids = [aws_security_group.this[0].id]
  iam_instance_profile   = aws_iam_instance_profile.redpanda[0].name
  ebs_optimized          = true
  monitoring             = true

  user_data = templatefile("${path.module}/templates/redpanda.sh.tftpl", {
    version    = var.redpanda_version
    volume_gib = var.volume_gib
    topics     = var.topics
  })
  user_data_replace_on_change = false

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 20
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  ebs_block_device {
    device_name           = "/dev/sdf"
    volume_type           = "gp3"
    volume_size           = var.volume_gib
    encrypted             = true
    kms_key_id            = var.kms_key_arn
    delete_on_termination = false
  }

  tags = merge(var.tags, { Name = "${var.name}-redpanda-${count.index}" })

  lifecycle {
    ignore_changes = [ami, user_data]
  }
}
