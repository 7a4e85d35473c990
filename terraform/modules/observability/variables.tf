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

variable "kms_key_arn" {
  description = "Key of the log groups and topics, or null for AWS's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : length(var.kms_key_arn) > 0
    error_message = "kms_key_arn: an ARN, or null."
  }
}

variable "log_groups" {
  description = "Log groups of what runs here, by a short name."
  type        = list(string)
  default     = ["api", "websocket", "worker", "engine", "sequencer", "md-publisher", "gateway"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.log_groups : can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "log_groups: lower-case letters, digits and dashes."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([30, 60, 90, 120, 180, 365, 400, 731, 1827, 3653], var.log_retention_days)
    error_message = "log_retention_days: one of the periods that CloudWatch takes, 30 or more."
  }
}

variable "emails" {
  description = "Addresses that get each level's notifications; each must be confirmed by its owner."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for level in keys(var.emails) : contains(["critical", "warning", "info"], level)])
    error_message = "emails: levels are critical, warning and info."
  }
}

variable "create_alarms" {
  description = "Whether to make the alarms."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_dashboard" {
  description = "Whether to make the dashboard."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_xray" {
  description = "Whether X-Ray samples requests."
  type        = bool
  default     = false
  nullable    = false
}

variable "xray_fixed_rate" {
  description = "Share of requests that X-Ray samples, 0 to 1."
  type        = number
  default     = 0.1
  nullable    = false

  validation {
    condition     = var.xray_fixed_rate >= 0 && var.xray_fixed_rate <= 1
    error_message = "xray_fixed_rate: 0 to 1."
  }
}

variable "container_insights_clusters" {
  description = "EKS clusters that get Container Insights, by a name that stays."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.container_insights_clusters) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "container_insights_clusters: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "cluster_names" {
  description = "EKS clusters to watch, by a name that stays."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.cluster_names) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "cluster_names: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "host_ids" {
  description = "Metal hosts to watch, by shard."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.host_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "host_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "database" {
  description = "Database to watch: the dimension that names it (DBInstanceIdentifier or DBClusterIdentifier), its identifier, and its provisioned write IOPS. Null for none."
  type        = object({ dimension = string, identifier = string, iops = optional(number, 3000) })
  default     = null

  validation {
    condition     = var.database == null ? true : contains(["DBInstanceIdentifier", "DBClusterIdentifier"], var.database.dimension)
    error_message = "database: dimension is DBInstanceIdentifier or DBClusterIdentifier."
  }
}

variable "cache_id" {
  description = "Replication group to watch, or null for none."
  type        = string
  default     = null

  validation {
    condition     = var.cache_id == null ? true : length(var.cache_id) > 0
    error_message = "cache_id: an id, or null."
  }
}

variable "load_balancers" {
  description = "Load balancers to watch (ARN suffixes), by name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.load_balancers) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "load_balancers: names of lower-case letters, digits, dashes and underscores."
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
