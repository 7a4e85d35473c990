variable "create" {
  description = "Whether to create anything at all."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Prefix of every name: 2 to 28 lower-case letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "name: 2 to 28 lower-case letters, digits and dashes, a letter first."
  }
}

variable "vpc_id" {
  description = "VPC in which all of it is."
  type        = string

  validation {
    condition     = length(var.vpc_id) > 0
    error_message = "vpc_id: wanted."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts what is at rest."
  type        = string

  validation {
    condition     = length(var.kms_key_arn) > 0
    error_message = "kms_key_arn: wanted."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC, from which nodes take 443."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr: an IPv4 network."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the control plane's interfaces and of the nodes, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: EKS wants two zones."
  }
}

variable "cluster_version" {
  description = "Kubernetes version of control plane, nodes and add-ons. Take one that EKS still supports in the standard term."
  type        = string
  default     = "1.34"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.(2[9]|3[0-9])$", var.cluster_version))
    error_message = "cluster_version: 1.29 or later, as major.minor."
  }
}

variable "public_access_cidrs" {
  description = "Networks that may reach the Kubernetes API from the internet; none closes it to all but the VPC."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"])
    error_message = "public_access_cidrs: IPv4 networks, and not the whole internet."
  }
}

variable "node_groups" {
  description = <<-EOT
    Managed node groups by name. Labels reach the pods' selectors; a tainted group takes only pods that
    tolerate it.
      instance_types  one type, or several of one size for spot
      capacity_type   "ON_DEMAND" or "SPOT"
      size            min, desired, max
  EOT
  type = map(object({
    instance_types = list(string)
    capacity_type  = optional(string, "ON_DEMAND")
    size           = object({ min = number, desired = number, max = number })
    labels         = optional(map(string), {})
    taints         = optional(map(string), {})
  }))
  default = {
    general      = { instance_types = ["t3.xlarge"], size = { min = 3, desired = 3, max = 10 } }
    compute-spot = { instance_types = ["c6i.2xlarge"], capacity_type = "SPOT", size = { min = 2, desired = 2, max = 20 } }
    memory       = { instance_types = ["r6i.xlarge"], size = { min = 1, desired = 1, max = 5 } }
  }
  nullable = false

  validation {
    condition     = alltrue([for group in var.node_groups : contains(["ON_DEMAND", "SPOT"], group.capacity_type)])
    error_message = "node_groups: capacity_type is ON_DEMAND or SPOT."
  }

  validation {
    condition     = alltrue([for group in var.node_groups : 0 <= group.size.min && group.size.min <= group.size.desired && group.size.desired <= group.size.max && group.size.max >= 1 && length(group.instance_types) >= 1])
    error_message = "node_groups: 0 <= min <= desired <= max, max at least 1, and an instance type."
  }
}

variable "node_disk_gib" {
  description = "Size of each node's gp3 root volume."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.node_disk_gib >= 20 && var.node_disk_gib <= 1000
    error_message = "node_disk_gib: 20 to 1000."
  }
}

variable "load_balancer_security_group_ids" {
  description = "Security groups of the load balancers, by a name that stays: they may reach the API and WebSocket ports."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.load_balancer_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "load_balancer_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "service_ports" {
  description = "TCP ports of the API and the WebSocket service, by name."
  type        = map(number)
  default     = { api = 7999, websocket = 8080 }
  nullable    = false

  validation {
    condition     = alltrue([for port in var.service_ports : port >= 1024 && port <= 65535])
    error_message = "service_ports: 1024 to 65535."
  }
}

variable "egress_rules" {
  description = "What nodes may reach beside 443: port (or ports), protocol and security group, by a name that stays."
  type = map(object({
    security_group_id = string
    from_port         = number
    to_port           = number
    protocol          = optional(string, "tcp")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for rule in var.egress_rules : contains(["tcp", "udp"], rule.protocol) && rule.from_port <= rule.to_port])
    error_message = "egress_rules: tcp or udp, from_port at most to_port."
  }
}

variable "ingress_rules" {
  description = "Who may reach nodes beside load balancers and nodes: port (or ports), protocol and security group, by a name that stays."
  type = map(object({
    security_group_id = string
    from_port         = number
    to_port           = number
    protocol          = optional(string, "tcp")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for rule in var.ingress_rules : contains(["tcp", "udp"], rule.protocol) && rule.from_port <= rule.to_port])
    error_message = "ingress_rules: tcp or udp, from_port at most to_port."
  }
}

variable "addons" {
  description = "Add-ons of EKS to install."
  type        = list(string)
  default     = ["coredns", "kube-proxy", "vpc-cni", "aws-ebs-csi-driver", "metrics-server"]
  nullable    = false

  validation {
    condition     = alltrue([for addon in var.addons : can(regex("^[a-z0-9-]+$", addon))])
    error_message = "addons: names of EKS add-ons."
  }
}

variable "autoscaler" {
  description = "Settings of the cluster autoscaler: seconds between scans, minutes before a node goes, and the utilization (0 to 1) below which it may."
  type        = object({ scan_interval_s = number, scale_down_delay_min = number, utilization = number })
  default     = { scan_interval_s = 10, scale_down_delay_min = 10, utilization = 0.5 }
  nullable    = false

  validation {
    condition     = var.autoscaler.scan_interval_s >= 1 && var.autoscaler.scale_down_delay_min >= 1 && var.autoscaler.utilization > 0 && var.autoscaler.utilization <= 1
    error_message = "autoscaler: at least 1 s and 1 min; utilization above 0, at most 1."
  }
}

variable "service_roles" {
  description = <<-EOT
    Roles for service accounts (IRSA), by name.
      namespace, service_account  who may take the role
      statements                  what it may do, as statements of a policy
  EOT
  type = map(object({
    namespace       = string
    service_account = string
    statements = list(object({
      sid       = string
      actions   = list(string)
      resources = list(string)
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for role in var.service_roles : length(role.statements) > 0 && alltrue([for statement in role.statements : !contains(statement.actions, "*")])])
    error_message = "service_roles: statements, and none that allows every action."
  }
}

variable "database_resource_ids" {
  description = "ARNs (rds-db) to which nodes may connect with IAM authentication; none for no access."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.database_resource_ids : length(arn) > 0])
    error_message = "database_resource_ids: ARNs."
  }
}

variable "backup_bucket_arns" {
  description = "Buckets into which nodes may write backups, and from which they may not read."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.backup_bucket_arns : length(arn) > 0])
    error_message = "backup_bucket_arns: ARNs of buckets."
  }
}

variable "log_retention_days" {
  description = "Days for which the control plane's logs, the audit log among them, are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([30, 60, 90, 120, 180, 365, 400, 731, 1827, 3653], var.log_retention_days)
    error_message = "log_retention_days: one of the periods that CloudWatch takes, 30 or more."
  }
}

variable "logs_kms_key_arn" {
  description = "Key of the log group, or null for CloudWatch's own."
  type        = string
  default     = null

  validation {
    condition     = var.logs_kms_key_arn == null ? true : length(var.logs_kms_key_arn) > 0
    error_message = "logs_kms_key_arn: an ARN, or null."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 40
    error_message = "tags: at most 40, AWS takes 50 and the module adds its own."
  }
}
