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

variable "subnet_group_name" {
  description = "Subnet group of the cache."
  type        = string

  validation {
    condition     = length(var.subnet_group_name) > 0
    error_message = "subnet_group_name: wanted."
  }
}

variable "engine_version" {
  description = "Version of Redis."
  type        = string
  default     = "7.1"
  nullable    = false

  validation {
    condition     = can(regex("^7\\.[0-9]+$", var.engine_version))
    error_message = "engine_version: 7.x, the family that the module's parameters are for."
  }
}

variable "node_type" {
  description = "Type of each node."
  type        = string

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type: such as cache.r6g.large."
  }
}

variable "shard_count" {
  description = "Shards (node groups), 1 to 90. Cluster mode is on where cluster_mode says so or there are several."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.shard_count >= 1 && var.shard_count <= 90
    error_message = "shard_count: 1 to 90."
  }
}

variable "replica_count" {
  description = "Replicas of each shard's primary, 0 to 5. With none there is no failover."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.replica_count >= 0 && var.replica_count <= 5
    error_message = "replica_count: 0 to 5."
  }
}

variable "cluster_mode" {
  description = "Whether cluster mode is on, so that shards can be added later."
  type        = bool
  default     = false
  nullable    = false
}

variable "parameters" {
  description = "Parameters of Redis."
  type        = map(string)
  default     = { maxmemory-policy = "allkeys-lru", timeout = "300" }
  nullable    = false

  validation {
    condition     = length(var.parameters) <= 20
    error_message = "parameters: AWS takes 20 in one request."
  }
}

variable "allowed_security_group_ids" {
  description = "Security groups that may connect, by a name that stays: the nodes', and nobody else's."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.allowed_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "allowed_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "backup_retention_days" {
  description = "Days for which snapshots are kept, 1 to 35."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days: 1 to 35."
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
