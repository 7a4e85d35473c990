variable "tier" {
  description = "Row of tiers.json that is built: \"dev\", \"low\", \"medium\" or \"high\"."
  type        = string

  validation {
    condition     = contains(["dev", "low", "medium", "high"], var.tier)
    error_message = "tier: dev, low, medium or high."
  }
}

variable "project" {
  description = "Start of every name, and the tag Project: 2 to 12 lower-case letters, digits and dashes."
  type        = string
  default     = "vesta"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,11}$", var.project))
    error_message = "project: 2 to 12 lower-case letters, digits and dashes, a letter first."
  }
}

variable "region" {
  description = "Primary region."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: such as us-east-1."
  }
}

variable "secondary_region" {
  description = "Second region: backups always, in medium and high a site that waits."
  type        = string
  default     = "us-west-2"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.secondary_region)) && var.secondary_region != var.region
    error_message = "secondary_region: such as us-west-2, and another than region."
  }
}

variable "zone_letters" {
  description = "Letters of the availability zones, in order of preference; the tier says how many are used. The first is the hot path's, the second the standbys': look up where the metal type is offered (docs/deploying.md)."
  type        = list(string)
  default     = ["a", "b", "c"]
  nullable    = false

  validation {
    condition     = length(var.zone_letters) == 3 && length(distinct(var.zone_letters)) == 3 && alltrue([for letter in var.zone_letters : can(regex("^[a-z]$", letter))])
    error_message = "zone_letters: three different letters."
  }
}

variable "bucket_prefix" {
  description = "Start of every bucket's name, which the whole world shares: 3 to 24 lower-case letters, digits and dashes. The tier is added."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,23}$", var.bucket_prefix))
    error_message = "bucket_prefix: 3 to 24 lower-case letters, digits and dashes."
  }
}

variable "domain_name" {
  description = "Domain of the clients; the tier's names are below it."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name: such as trade.example.com."
  }
}

variable "create_zone" {
  description = "Whether to make the hosted zone of the domain; otherwise zone_id names it."
  type        = bool
  default     = true
  nullable    = false
}

variable "zone_id" {
  description = "Hosted zone of the domain where create_zone is false."
  type        = string
  default     = null

  validation {
    condition     = var.create_zone || var.zone_id != null
    error_message = "zone_id: wanted, as create_zone is false."
  }
}

variable "create_hot_path" {
  description = "Whether to build the metal hosts. Without them the warm path is all there is, at a fraction of the cost."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_standby" {
  description = "Whether each shard has a standby host in another zone."
  type        = bool
  default     = true
  nullable    = false
}

variable "metal_instance_type" {
  description = "Metal type of all hosts instead of the tier's, or null. It must be bare metal, x86-64, and fit a cluster placement group: the plan says so if not."
  type        = string
  default     = null

  validation {
    condition     = var.metal_instance_type == null ? true : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.metal_instance_type))
    error_message = "metal_instance_type: such as m5zn.metal."
  }
}

variable "shard_cores" {
  description = <<-EOT
    [cores] of a shard's hosts, primary and standby, by the shard's name: a CPU for each role, which vesta-tune takes
    out of everybody else's hands. Of a shard, or a role, that is not named: sequencer 2, engine 3, md_publisher 4.
    Only first threads of cores, and not CPU 0: CPUs 1 to 23 on m5zn.metal and z1d.metal, 1 to 47 on c7i.metal-24xl.
    Best on the NUMA node of the second interface, which only the host can tell (docs/deploying.md).
  EOT
  type = map(object({
    sequencer    = optional(number, 2)
    engine       = optional(number, 3)
    md_publisher = optional(number, 4)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.shard_cores) : contains(keys(jsondecode(file("${path.module}/tiers.json")).tiers[var.tier].shards), name)])
    error_message = "shard_cores: names of the tier's shards, as in tiers.json."
  }
}

variable "settings" {
  description = "More of vesta.toml for all hosts, such as [log] or [sessions]: appended to what is written for them ([shard], [transport], [metrics], [cores] and, with mdc, [streams]), so other tables only."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = !can(regex("(?m)^[ \\t]*\\[[ \\t]*(shard|transport|metrics|cores)[ \\t]*\\]", var.settings))
    error_message = "settings: [shard], [transport], [metrics] and [cores] are written already, and vesta.toml has no table twice."
  }
}

variable "release" {
  description = "Build that hosts install: bucket, key and SHA-256. Wanted with create_hot_path."
  type        = object({ bucket = string, key = string, sha256 = string })
  default     = null

  validation {
    condition     = !var.create_hot_path || var.release != null
    error_message = "release: wanted, as create_hot_path is true."
  }
}

variable "ami_id" {
  description = "Image of metal and Redpanda hosts; null for the newest Ubuntu 24.04 that Canonical publishes."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null ? true : startswith(var.ami_id, "ami-")
    error_message = "ami_id: such as ami-0123456789abcdef0."
  }
}

variable "transport_mode" {
  description = "How a stream reaches many readers: \"mdc\" (unicast fan-out, the default) or \"multicast\" (over a transit gateway: slow, and 100 members a group)."
  type        = string
  default     = "mdc"
  nullable    = false

  validation {
    condition     = contains(["mdc", "multicast"], var.transport_mode)
    error_message = "transport_mode: mdc or multicast."
  }
}

variable "node_group_profile" {
  description = "Node groups: \"tier\" (the tier's row; compute-spot and memory start at none) or \"compute\" (general t3.xlarge 3-10, compute-spot c6i.2xlarge 2-20, memory r6i.xlarge 1-5)."
  type        = string
  default     = "tier"
  nullable    = false

  validation {
    condition     = contains(["tier", "compute"], var.node_group_profile)
    error_message = "node_group_profile: tier or compute."
  }
}

variable "cluster_version" {
  description = "Kubernetes version of all clusters."
  type        = string
  default     = "1.34"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.cluster_version))
    error_message = "cluster_version: as major.minor."
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

variable "database_engine" {
  description = "Engine of the database instead of the tier's, or null: \"postgres\", \"mysql\", \"aurora-postgresql\" or \"aurora-mysql\"."
  type        = string
  default     = null

  validation {
    condition     = var.database_engine == null ? true : contains(["postgres", "mysql", "aurora-postgresql", "aurora-mysql"], var.database_engine)
    error_message = "database_engine: postgres, mysql, aurora-postgresql or aurora-mysql."
  }
}

variable "alert_emails" {
  description = "Addresses that get each level's notifications: critical, warning, info."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for level in keys(var.alert_emails) : contains(["critical", "warning", "info"], level)])
    error_message = "alert_emails: levels are critical, warning and info."
  }
}

variable "create_guardduty" {
  description = "Whether to make the account's GuardDuty detector: false where the account has one."
  type        = bool
  default     = true
  nullable    = false
}

variable "trusted_principal_arns" {
  description = "Who may take the roles of people and pipelines; none stands for the account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.trusted_principal_arns : startswith(arn, "arn:")])
    error_message = "trusted_principal_arns: ARNs."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete databases and load balancers. Set it to false, and apply, before you destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "team" {
  description = "Tag Team."
  type        = string
  default     = "trading-platform"
  nullable    = false

  validation {
    condition     = length(var.team) > 0
    error_message = "team: wanted."
  }
}

variable "cost_center" {
  description = "Tag CostCenter."
  type        = string
  default     = "trading"
  nullable    = false

  validation {
    condition     = length(var.cost_center) > 0
    error_message = "cost_center: wanted."
  }
}
