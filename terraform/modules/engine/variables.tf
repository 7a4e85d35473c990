variable "create" {
  description = "Whether to create anything at all."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Prefix of every name: 2 to 40 lower-case letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name))
    error_message = "name: 2 to 40 lower-case letters, digits and dashes, a letter first."
  }
}

variable "role" {
  description = "What the hosts are to their shards: \"primary\" or \"standby\". It is a tag, and the host's settings carry it."
  type        = string
  default     = "primary"
  nullable    = false

  validation {
    condition     = contains(["primary", "standby"], var.role)
    error_message = "role: primary or standby."
  }
}

variable "shards" {
  description = <<-EOT
    The hosts, one per shard, by a name that stays (it is the key of the state).
      id            the shard's number, as [shard] id of vesta.toml
      instance_type a bare-metal type that cluster placement groups take
      market        "futures" or "spot"; a tag
      symbols       what the shard trades; a tag
      wal_gib       size of the log volume
      wal_iops      its provisioned IOPS
      cores         [cores] of vesta.toml: a CPU for each role, which vesta-tune isolates; not CPU 0, and first
                    threads only (CPUs below the number of physical cores), or the host refuses its tuning
  EOT
  type = map(object({
    id            = number
    instance_type = string
    market        = optional(string, "spot")
    symbols       = optional(string, "*")
    wal_gib       = optional(number, 200)
    wal_iops      = optional(number, 16000)
    cores = optional(object({
      sequencer    = optional(number, 2)
      engine       = optional(number, 3)
      md_publisher = optional(number, 4)
    }), {})
  }))

  validation {
    condition     = alltrue([for name, shard in var.shards : can(regex("^[a-z][a-z0-9-]{0,30}$", name)) && shard.id >= 1 && shard.id <= 4294967295])
    error_message = "shards: names of lower-case letters, digits and dashes; ids from 1 to 4294967295."
  }

  validation {
    condition     = length(distinct([for shard in var.shards : shard.id])) == length(var.shards)
    error_message = "shards: two have the same id."
  }

  validation {
    condition     = alltrue([for shard in var.shards : shard.wal_gib >= 8 && shard.wal_gib <= 16384 && shard.wal_iops >= 100 && shard.wal_iops <= 64000 && shard.wal_iops <= 500 * shard.wal_gib])
    error_message = "shards: wal_gib 8 to 16384; wal_iops 100 to 64000 and at most 500 per GiB (io2)."
  }

  validation {
    condition = alltrue([for shard in var.shards : alltrue([for core in values(shard.cores) : core >= 1 && core <= 1023 && floor(core) == core]) &&
      length(distinct(values(shard.cores))) == 3
    ])
    error_message = "shards: cores are CPUs from 1 to 1023, another for each role; CPU 0 is the system's."
  }
}

variable "vpc_id" {
  description = "VPC of the hosts."
  type        = string

  validation {
    condition     = length(var.vpc_id) > 0
    error_message = "vpc_id: wanted."
  }
}

variable "zone" {
  description = "The one availability zone of the hosts: a cluster placement group can not span two."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", var.zone))
    error_message = "zone: such as us-east-1a."
  }
}

variable "subnet_id" {
  description = "Private subnet of both interfaces, in that zone."
  type        = string

  validation {
    condition     = length(var.subnet_id) > 0
    error_message = "subnet_id: wanted."
  }
}

variable "ami_id" {
  description = "Machine image: Debian or Ubuntu for x86-64 with Linux 6.1 or later, apt and cloud-init."
  type        = string

  validation {
    condition     = length(var.ami_id) > 0
    error_message = "ami_id: wanted."
  }
}

variable "kms_key_arn" {
  description = "Key of the root and log volumes; null for the account's default EBS key."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : length(var.kms_key_arn) > 0
    error_message = "kms_key_arn: an ARN, or null."
  }
}

variable "create_placement_group" {
  description = "Whether to put the hosts into one cluster placement group. Without one they may be a spine of switches apart."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_capacity_reservation" {
  description = "Whether to reserve each host's capacity, so that a stopped host can start again. Costs the same as the host, running or not."
  type        = bool
  default     = true
  nullable    = false
}

variable "root_gib" {
  description = "Size of the root volume."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.root_gib >= 16 && var.root_gib <= 1024
    error_message = "root_gib: 16 to 1024."
  }
}

variable "peer_security_group_ids" {
  description = "Security groups that may reach the Aeron endpoints and that the hosts may reach, by a name that stays: gateways, standby hosts."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.peer_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "peer_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "aeron_ports" {
  description = "UDP ports of the Aeron endpoints, the lowest and the highest, as [streams] of vesta.toml has them."
  type        = object({ from = number, to = number })
  default     = { from = 24001, to = 24399 }
  nullable    = false

  validation {
    condition     = var.aeron_ports.from >= 1024 && var.aeron_ports.to <= 65535 && var.aeron_ports.from <= var.aeron_ports.to
    error_message = "aeron_ports: 1024 to 65535, from at most to."
  }
}

variable "metrics_ports" {
  description = "TCP ports of the roles' metrics, the lowest and the highest, as [metrics] of vesta.toml has them; metrics_security_group_ids may scrape them."
  type        = object({ from = number, to = number })
  default     = { from = 9464, to = 9468 }
  nullable    = false

  validation {
    condition     = var.metrics_ports.from >= 1024 && var.metrics_ports.to <= 65535 && var.metrics_ports.from <= var.metrics_ports.to
    error_message = "metrics_ports: 1024 to 65535, from at most to."
  }
}

variable "metrics_security_group_ids" {
  description = "Security groups that may scrape metrics, by a name that stays."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.metrics_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "metrics_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "release" {
  description = <<-EOT
    The build that hosts install: a .tar.gz in S3 that holds bin/, etc/vesta.toml and tuning/, and its
    SHA-256 in hex. A host whose download does not match stops there.
  EOT
  type        = object({ bucket = string, key = string, sha256 = string })

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release.sha256)) && can(regex("^[0-9A-Za-z._/-]+$", var.release.key)) && can(regex("^[0-9a-z.-]{3,63}$", var.release.bucket))
    error_message = "release: bucket, key (letters, digits, ._/-) and a SHA-256 of 64 hex digits."
  }
}

variable "settings" {
  description = "More of vesta.toml, appended to what the module writes ([shard], [transport], [metrics] and [cores]); other tables only."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = !can(regex("(?m)^[ \\t]*\\[[ \\t]*(shard|transport|metrics|cores)[ \\t]*\\]", var.settings))
    error_message = "settings: [shard], [transport], [metrics] and [cores] are written by the module, and vesta.toml has no table twice."
  }
}

variable "transport_mode" {
  description = "How a stream reaches many readers: \"mdc\" (unicast fan-out) or \"multicast\" (wants the multicast module)."
  type        = string
  default     = "mdc"
  nullable    = false

  validation {
    condition     = contains(["mdc", "multicast"], var.transport_mode)
    error_message = "transport_mode: mdc or multicast."
  }
}

variable "streams_parameter_prefix" {
  description = "Start of the SSM parameters that hold the streams of each shard (PREFIX/SHARD/streams, as the mdc module makes them), which hosts append to their vesta.toml; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.streams_parameter_prefix == null ? true : can(regex("^/[0-9A-Za-z/_-]+[^/]$", var.streams_parameter_prefix))
    error_message = "streams_parameter_prefix: such as /vesta-dev/shards, or null."
  }
}

variable "tuning_profile" {
  description = "Profile of vesta-tune."
  type        = string
  default     = "ena-metal"
  nullable    = false

  validation {
    condition     = contains(["ena-metal", "ena-virtual"], var.tuning_profile)
    error_message = "tuning_profile: ena-metal or ena-virtual."
  }
}

variable "data_bucket_arns" {
  description = "Buckets into which hosts put snapshots and sealed log segments: they may write there, and read what replay wants, never delete."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.data_bucket_arns : length(arn) > 0])
    error_message = "data_bucket_arns: ARNs of buckets."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the hosts' role, or null."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : length(var.permissions_boundary_arn) > 0
    error_message = "permissions_boundary_arn: an ARN, or null."
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
