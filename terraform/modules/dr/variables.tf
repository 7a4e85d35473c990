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

variable "bucket_prefix" {
  description = "Start of every bucket's name in this region, which the whole world shares: 3 to 40 lower-case letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,39}$", var.bucket_prefix))
    error_message = "bucket_prefix: 3 to 40 lower-case letters, digits and dashes."
  }
}

variable "backup_days" {
  description = "Days after which replicated backups move to Glacier, and after which they are deleted."
  type        = object({ glacier = number, expire = number })
  default     = { glacier = 90, expire = 365 }
  nullable    = false

  validation {
    condition     = var.backup_days.glacier >= 30 && var.backup_days.expire > var.backup_days.glacier
    error_message = "backup_days: glacier 30 at least, expire later."
  }
}

variable "create_standby_site" {
  description = "Whether to keep a site in this region (network, minimal cluster, load balancers); otherwise backups only."
  type        = bool
  default     = false
  nullable    = false
}

variable "create_database_replica" {
  description = "Whether to keep a replica of the database in this region; wants the site."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.create_database_replica || (var.create_standby_site && var.database != null)
    error_message = "create_database_replica: wants create_standby_site and database."
  }
}

variable "zones" {
  description = "Availability zones of the site, two or three."
  type        = list(string)
  default     = ["us-west-2a", "us-west-2b"]
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 3
    error_message = "zones: two or three."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the site: others than the first region's, so that the two can be joined. A /16."
  type        = string
  default     = "10.1.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && endswith(var.vpc_cidr, "/16")
    error_message = "vpc_cidr: a /16."
  }
}

variable "cluster_version" {
  description = "Kubernetes version of the site's cluster."
  type        = string
  default     = "1.34"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.cluster_version))
    error_message = "cluster_version: as major.minor."
  }
}

variable "node_type" {
  description = "Type of the site's nodes."
  type        = string
  default     = "t3.large"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type: such as t3.large."
  }
}

variable "node_count" {
  description = "Nodes of the site while it waits; it may grow tenfold when it is wanted."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 20
    error_message = "node_count: 1 to 20."
  }
}

variable "domain_name" {
  description = "Domain of the load balancers' certificate; null without the site."
  type        = string
  default     = null

  validation {
    condition     = !var.create_standby_site || var.domain_name != null
    error_message = "domain_name: wanted, as create_standby_site is true."
  }
}

variable "zone_id" {
  description = "Hosted zone of the domain; null without the site."
  type        = string
  default     = null

  validation {
    condition     = !var.create_standby_site || var.zone_id != null
    error_message = "zone_id: wanted, as create_standby_site is true."
  }
}

variable "load_balancers" {
  description = "Names of the load balancers, as the first region has them."
  type        = list(string)
  default     = ["futures", "spot"]
  nullable    = false

  validation {
    condition     = length(var.load_balancers) >= 1
    error_message = "load_balancers: one at least."
  }
}

variable "database" {
  description = "Database to replicate: ARN of the instance (RDS), or global cluster, engine and version (Aurora). Null without a replica."
  type = object({
    aurora            = bool
    arn               = optional(string)
    global_cluster_id = optional(string)
    engine            = string
    engine_version    = optional(string)
    instance_class    = string
  })
  default = null

  validation {
    condition     = var.database == null ? true : can(regex("^db\\.", var.database.instance_class))
    error_message = "database: instance_class such as db.r6g.large."
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
