data "aws_caller_identity" "current" {}

locals {
  policies = "arn:${data.aws_partition.current.partition}:iam::aws:policy"
}

resource "aws_iam_role" "cluster" {
  count = var.create ? 1 : 0

  name = "${var.name}-cluster"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "eks.amazonaws.com" } }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "cluster" {
  count = var.create ? 1 : 0

  role       = aws_iam_role.cluster[0].name
  policy_arn = "${local.policies}/AmazonEKSClusterPolicy"
}

resource "aws_iam_role" "node" {
  count = var.create ? 1 : 0

  name = "${var.name}-node"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(var.create ? ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"] : [])

  role       = aws_iam_role.node[0].name
  policy_arn = "${local.policies}/${each.key}"
}

# Write-only, so that a taken node can neither read nor delete what was backed up.
resource "aws_iam_role_policy" "node" {
  count = var.create && length(var.backup_bucket_arns) + length(var.database_resource_ids) > 0 ? 1 : 0

  name = "database-and-backups"
  role = aws_iam_role.node[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      length(var.backup_bucket_arns) == 0 ? [] : [{
        Sid      = "WriteBackups"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = [for arn in var.backup_bucket_arns : "${arn}/*"]
      }],
      length(var.database_resource_ids) == 0 ? [] : [{
        Sid      = "ConnectToDatabase"
        Effect   = "Allow"
        Action   = ["rds-db:connect"]
        Resource = var.database_resource_ids
      }],
    )
  })
}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.create ? 1 : 0

  url            = aws_eks_cluster.this[0].identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]

  tags = var.tags
}

locals {
  issuer = var.create ? replace(aws_eks_cluster.this[0].identity[0].oidc[0].issuer, "https://", "") : ""

  service_accounts = var.create ? merge(
    { for name, role in var.service_roles : name => "system:serviceaccount:${role.namespace}:${role.service_account}" },
    {
      cluster-autoscaler = "system:serviceaccount:kube-system:cluster-autoscaler"
      ebs-csi            = "system:serviceaccount:kube-system:ebs-csi-controller-sa"
    },
  ) : {}

  trust = { for name, subject in local.service_accounts : name => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.this[0].arn }
      Condition = { StringEquals = {
        "${local.issuer}:sub" = subject
        "${local.issuer}:aud" = "sts.amazonaws.com"
      } }
    }]
  }) }
}

resource "aws_iam_role" "service" {
  for_each = var.create ? var.service_roles : {}

  name               = "${var.name}-${each.key}"
  description        = "Service account ${each.value.namespace}/${each.value.service_account}"
  assume_role_policy = local.trust[each.key]

  tags = var.tags
}

resource "aws_iam_role_policy" "service" {
  for_each = var.create ? var.service_roles : {}

  name = "service"
  role = aws_iam_role.service[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in each.value.statements : {
      Sid      = statement.sid
      Effect   = "Allow"
      Action   = statement.actions
      Resource = statement.resources
    }]
  })
}

resource "aws_iam_role" "ebs_csi" {
  count = var.create ? 1 : 0

  name               = "${var.name}-ebs-csi"
  assume_role_policy = local.trust["ebs-csi"]

  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "ebs_csi" {
  count = var.create ? 1 : 0

  role       = aws_iam_role.ebs_csi[0].name
  policy_arn = "${local.policies}/service-role/AmazonEBSCSIDriverPolicy"
}

resource "aws_iam_role" "autoscaler" {
  count = var.create ? 1 : 0

  name               = "${var.name}-cluster-autoscaler"
  assume_role_policy = local.trust["cluster-autoscaler"]

  tags = var.tags
}

resource "aws_iam_role_policy" "autoscaler" {
  count = var.create ? 1 : 0

  name = "autoscaler"
  role = aws_iam_role.autoscaler[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
          "eks:DescribeNodegroup",
        ]
        Resource = ["*"]
      },
      {
        Sid       = "ScaleThisCluster"
        Effect    = "Allow"
        Action    = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.name}" = "owned" } }
      },
    ]
  })
}
