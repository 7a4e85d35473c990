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
  description = "Subnet group of the database, over two zones at least."
  type        = string

  validation {
    condition     = length(var.subnet_group_name) > 0
    error_message = "subnet_group_name: wanted."
  }
}

variable "engine" {
  description = "\"postgres\", \"mysql\", \"aurora-postgresql\" or \"aurora-mysql\"."
  type        = string
  default     = "postgres"
  nullable    = false

  validation {
    condition     = contains(["postgres", "mysql", "aurora-postgresql", "aurora-mysql"], var.engine)
    error_message = "engine: postgres, mysql, aurora-postgresql or aurora-mysql."
  }
}

variable "engine_version" {
  description = "Version of the engine, or null for 16 (PostgreSQL), 8.0 (MySQL) and 8.0.mysql_aurora.3.08.0 (Aurora MySQL)."
  type        = string
  default     = null

  validation {
    condition     = var.engine_version == null ? true : can(regex("^[0-9]", var.engine_version))
    error_message = "engine_version: such as 16 or 16.4."
  }
}

variable "instance_class" {
  description = "Class of the primary (Aurora: the writer)."
  type        = string

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class: such as db.r6g.large."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over. Aurora: at least one reader is in another zone."
  type        = bool
  default     = false
  nullable    = false
}

variable "replica_class" {
  description = "Class of the read replicas; null for that of the primary."
  type        = string
  default     = null

  validation {
    condition     = var.replica_class == null ? true : can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.replica_class))
    error_message = "replica_class: such as db.r6g.large."
  }
}

variable "replica_count" {
  description = "Read replicas, 0 to 5 (Aurora: 15)."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.replica_count >= 0 && var.replica_count <= (startswith(var.engine, "aurora") ? 15 : 5)
    error_message = "replica_count: 0 to 5, Aurora 0 to 15."
  }
}

variable "allocated_gib" {
  description = "Storage at first. gp3 brings 3,000 IOPS with it. Aurora grows by itself and bills what is used: there it is only the size that is planned for, as a tag."
  type        = number

  validation {
    condition     = var.allocated_gib >= 20 && var.allocated_gib <= 65536
    error_message = "allocated_gib: 20 to 65536."
  }
}

variable "max_allocated_gib" {
  description = "Storage up to which it grows by itself."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.max_allocated_gib > var.allocated_gib
    error_message = "max_allocated_gib: more than allocated_gib."
  }
}

variable "parameters" {
  description = "Parameters of the engine; null for those of the module (PostgreSQL: all seven; MySQL: max_connections)."
  type        = map(string)
  default     = null

  validation {
    condition     = var.parameters == null ? true : length(var.parameters) <= 20
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
  description = "Days for which automatic backups are kept, 1 to 35."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days: 1 to 35."
  }
}

variable "backup_window" {
  description = "When backups are taken, UTC."
  type        = string
  default     = "03:00-04:00"
  nullable    = false

  validation {
    condition     = can(regex("^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$", var.backup_window))
    error_message = "backup_window: such as 03:00-04:00."
  }
}

variable "maintenance_window" {
  description = "When AWS may patch, UTC; not within the backup window."
  type        = string
  default     = "mon:04:00-mon:05:00"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{3}:[0-2][0-9]:[0-5][0-9]-[a-z]{3}:[0-2][0-9]:[0-5][0-9]$", var.maintenance_window))
    error_message = "maintenance_window: such as mon:04:00-mon:05:00."
  }
}

variable "monitoring_interval_s" {
  description = "Seconds between samples of enhanced monitoring; 0 for none."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_interval_s)
    error_message = "monitoring_interval_s: 0, 1, 5, 10, 15, 30 or 60."
  }
}

variable "password_rotation_days" {
  description = "Days after which the master password, which RDS keeps in Secrets Manager, is changed."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.password_rotation_days >= 1 && var.password_rotation_days <= 1000
    error_message = "password_rotation_days: 1 to 1000."
  }
}

variable "create_rotation_function" {
  description = "Whether to install AWS's function that changes the passwords of secrets of single users; wants rotation_subnet_ids."
  type        = bool
  default     = false
  nullable    = false
}

variable "rotation_subnet_ids" {
  description = "Private subnets of that function: it has to reach the database and Secrets Manager."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = !var.create_rotation_function || length(var.rotation_subnet_ids) > 0
    error_message = "rotation_subnet_ids: wanted, as create_rotation_function is true."
  }
}

variable "create_global_cluster" {
  description = "Aurora only: whether to make it the primary of a global database, which a second region can join."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database."
  type        = bool
  default     = true
  nullable    = false
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
