# One EKS cluster of the warm path: control plane, node groups and add-ons.

locals {
  groups = var.create ? var.node_groups : {}
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# Made here and not by EKS, which would keep its logs for ever.
resource "aws_cloudwatch_log_group" "this" {
  count = var.create ? 1 : 0

  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_kms_key_arn

  tags = var.tags
}

resource "aws_eks_cluster" "this" {
  count = var.create ? 1 : 0

  name     = var.name
  version  = var.cluster_version
  role_arn = aws_iam_role.cluster[0].arn

  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  bootstrap_self_managed_addons = false

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  vpc_config {
    subnet_ids              = var.subnet_ids
    security_group_ids      = [aws_security_group.nodes[0].id]
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = var.kms_key_arn
    }
  }

  upgrade_policy {
    support_type = "STANDARD"
  }

  tags = var.tags

  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.this]
}

resource "aws_launch_template" "nodes" {
  for_each = local.groups

  name                   = "${var.name}-${each.key}"
  update_default_version = true
  vpc_security_group_ids = [aws_security_group.nodes[0].id, aws_eks_cluster.this[0].vpc_config[0].cluster_security_group_id]

  # One hop: pods get their roles from IRSA, and none may take the node's.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.node_disk_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  }

  tags = var.tags
}

resource "aws_eks_node_group" "this" {
  for_each = local.groups

  cluster_name    = aws_eks_cluster.this[0].name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node[0].arn
  subnet_ids      = var.subnet_ids
  version         = var.cluster_version

  ami_type       = "AL2023_x86_64_STANDARD"
  instance_types = each.value.instance_types
  capacity_type  = each.value.capacity_type
  labels         = merge({ "vesta/node-group" = each.key }, each.value.labels)

  launch_template {
    id      = aws_launch_template.nodes[each.key].id
    version = aws_launch_template.nodes[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.size.min
    desired_size = each.value.size.desired
    max_size     = each.value.size.max
  }

  update_config {
    max_unavailable = 1
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  tags = merge(var.tags, {
    "k8s.io/cluster-autoscaler/enabled"     = "true"
    "k8s.io/cluster-autoscaler/${var.name}" = "owned"
  })

  depends_on = [aws_iam_role_policy_attachment.node]

  # How many there are now is the autoscaler's to say, how many at first is ours.
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }
}

resource "aws_eks_addon" "this" {
  for_each = toset(var.create ? var.addons : [])

  cluster_name                = aws_eks_cluster.this[0].name
  addon_name                  = each.key
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  service_account_role_arn    = each.key == "aws-ebs-csi-driver" ? aws_iam_role.ebs_csi[0].arn : null

  # Default deny is enforced by the CNI itself.
  configuration_values = each.key == "vpc-cni" ? jsonencode({ enableNetworkPolicy = "true" }) : null

  tags = var.tags

  depends_on = [aws_eks_node_group.this]
}

# The autoscaler is no add-on of EKS: Argo CD or helm installs its chart with these values.
resource "aws_ssm_parameter" "autoscaler" {
  count = var.create ? 1 : 0

  name        = "/${var.name}/helm/cluster-autoscaler"
  description = "Values of the chart cluster-autoscaler"
  type        = "String"
  insecure_value = yamlencode({
    autoDiscovery = { clusterName = var.name }
    awsRegion     = data.aws_region.current.name
    rbac = { serviceAccount = {
      name        = "cluster-autoscaler"
      annotations = { "eks.amazonaws.com/role-arn" = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${aws_iam_role.autoscaler[0].name}" }
    } }
    extraArgs = {
      scan-interval                    = "${var.autoscaler.scan_interval_s}s"
      scale-down-unneeded-time         = "${var.autoscaler.scale_down_delay_min}m"
      scale-down-delay-after-add       = "${var.autoscaler.scale_down_delay_min}m"
      scale-down-utilization-threshold = tostring(var.autoscaler.utilization)
      balance-similar-node-groups      = "true"
    }
  })

  tags = var.tags
}
