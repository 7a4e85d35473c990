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

variable "flavour" {
  description = "\"redpanda\" (one EC2 instance that speaks Kafka's protocol) or \"msk\"."
  type        = string
  default     = "msk"
  nullable    = false

  validation {
    condition     = contains(["redpanda", "msk"], var.flavour)
    error_message = "flavour: redpanda or msk."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the brokers: MSK takes two or three, Redpanda the first."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids: one at least."
  }
}

variable "instance_type" {
  description = "Type of each broker: kafka.* for MSK, an EC2 type for Redpanda."
  type        = string

  validation {
    condition     = var.flavour == "msk" ? startswith(var.instance_type, "kafka.") : can(regex("^[a-z0-9-]+\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type: such as kafka.m5.large with MSK, t3.medium with Redpanda."
  }
}

variable "broker_count" {
  description = "Brokers: a multiple of the subnets with MSK, 1 with Redpanda."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.flavour == "redpanda" ? var.broker_count == 1 : var.broker_count >= 2 && var.broker_count % length(var.subnet_ids) == 0
    error_message = "broker_count: 1 with Redpanda; a multiple of the subnets with MSK."
  }
}

variable "volume_gib" {
  description = "Log volume of each broker."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.volume_gib >= 10 && var.volume_gib <= 16384
    error_message = "volume_gib: 10 to 16384."
  }
}

variable "kafka_version" {
  description = "Version of Kafka in MSK."
  type        = string
  default     = "3.8.x"
  nullable    = false

  validation {
    condition     = can(regex("^[34]\\.[0-9]+\\.([0-9]+|x)(\\.kraft)?$", var.kafka_version))
    error_message = "kafka_version: such as 3.8.x."
  }
}

variable "redpanda_version" {
  description = "Tag of the image redpandadata/redpanda."
  type        = string
  default     = "v24.3.6"
  nullable    = false

  validation {
    condition     = can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+$", var.redpanda_version))
    error_message = "redpanda_version: such as v24.3.6."
  }
}

variable "ami_id" {
  description = "Image of the Redpanda host (Debian or Ubuntu); null with MSK."
  type        = string
  default     = null

  validation {
    condition     = var.flavour == "msk" || var.ami_id != null
    error_message = "ami_id: wanted with Redpanda."
  }
}

variable "topics" {
  description = "Topics and their partitions. Redpanda makes them at first boot; MSK when somebody first writes, with default_partitions each."
  type        = map(number)
  default = {
    "futures.orders"       = 3
    "futures.events"       = 3
    "futures.trades"       = 3
    "futures.positions"    = 3
    "futures.liquidations" = 3
    "futures.settlements"  = 3
  }
  nullable = false

  validation {
    condition     = alltrue([for name, partitions in var.topics : can(regex("^[A-Za-z0-9._-]{1,249}$", name)) && partitions >= 1])
    error_message = "topics: names of letters, digits and ._-; one partition at least."
  }

  validation {
    condition     = length(distinct(values(var.topics))) == 1
    error_message = "topics: MSK makes topics with one default of partitions, so all must have the same."
  }
}

variable "allowed_security_group_ids" {
  description = "Security groups that may connect, by a name that stays."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.allowed_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "allowed_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "log_retention_days" {
  description = "Days for which the brokers' logs are kept."
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
