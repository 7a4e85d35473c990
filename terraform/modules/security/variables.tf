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

variable "secrets" {
  description = <<-EOT
    Secrets to make, by name. Their values are written at first rotation or by the operator, never by Terraform.
      kind          "database", "random" (a key that rotation makes anew) or "manual" (somebody else issues it)
      rotation_days days after which it is changed; null for never
  EOT
  type = map(object({
    kind          = string
    rotation_days = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, secret in var.secrets : can(regex("^[a-z][a-z0-9-]{1,60}$", name)) && contains(["database", "random", "manual"], secret.kind)])
    error_message = "secrets: names of lower-case letters, digits and dashes; kind is database, random or manual."
  }

  validation {
    condition     = alltrue([for secret in var.secrets : secret.kind == "manual" ? secret.rotation_days == null : true])
    error_message = "secrets: nobody can rotate a manual one."
  }
}

variable "rotate_databases" {
  description = "Whether secrets of kind database rotate; wants database_rotation_lambda_arn. (A flag of its own, because the ARN is not known before the first apply.)"
  type        = bool
  default     = false
  nullable    = false
}

variable "database_rotation_lambda_arn" {
  description = "Function that changes database passwords (AWS publishes SecretsManagerRDSPostgreSQLRotationSingleUser)."
  type        = string
  default     = null

  validation {
    condition     = !var.rotate_databases || var.database_rotation_lambda_arn != null
    error_message = "database_rotation_lambda_arn: wanted, as rotate_databases is true."
  }
}

variable "create_trail" {
  description = "Whether CloudTrail records every call of the account's API, in all regions."
  type        = bool
  default     = true
  nullable    = false
}

variable "trail_bucket" {
  description = "Bucket of the trail; wanted where create_trail is true."
  type        = string
  default     = null

  validation {
    condition     = !var.create_trail || var.trail_bucket != null
    error_message = "trail_bucket: wanted, as create_trail is true."
  }
}

variable "data_bucket_arns" {
  description = "Buckets of which the trail records every read and write of objects too."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.data_bucket_arns : length(arn) > 0])
    error_message = "data_bucket_arns: ARNs of buckets."
  }
}

variable "create_guardduty" {
  description = "Whether GuardDuty watches the account. An account has one detector: false where it has it already."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_roles" {
  description = "Whether to make the roles of people and pipelines: deployer, operator, auditor."
  type        = bool
  default     = true
  nullable    = false
}

variable "trusted_principal_arns" {
  description = "Who may take the roles, with MFA; none stands for the account, whose own policies then decide."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.trusted_principal_arns : startswith(arn, "arn:")])
    error_message = "trusted_principal_arns: ARNs."
  }
}

variable "release_bucket" {
  description = "Bucket of releases, which the deployer may write."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-z.-]{3,63}$", var.release_bucket))
    error_message = "release_bucket: the name of a bucket."
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
