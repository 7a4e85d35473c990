variable "create" {
  description = "Whether to create anything at all."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts what is at rest."
  type        = string

  validation {
    condition     = length(var.kms_key_arn) > 0
    error_message = "kms_key_arn: wanted."
  }
}

variable "bucket_prefix" {
  description = "Start of every bucket's name, which the whole world shares: 3 to 40 lower-case letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,39}$", var.bucket_prefix))
    error_message = "bucket_prefix: 3 to 40 lower-case letters, digits and dashes."
  }
}

variable "backup_days" {
  description = "Days after which backups move to Standard-IA and to Glacier, and after which they are deleted."
  type        = object({ standard_ia = number, glacier = number, expire = number })
  default     = { standard_ia = 30, glacier = 90, expire = 365 }
  nullable    = false

  validation {
    condition     = var.backup_days.standard_ia >= 30 && var.backup_days.glacier > var.backup_days.standard_ia && var.backup_days.expire > var.backup_days.glacier
    error_message = "backup_days: standard_ia 30 at least (S3's rule), then glacier, then expire."
  }
}

variable "log_days" {
  description = "Days after which logs are deleted."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.log_days >= 1
    error_message = "log_days: 1 at least."
  }
}

variable "object_lock_days" {
  description = "Days for which a snapshot or sealed log segment can not be deleted or overwritten."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.object_lock_days >= 1
    error_message = "object_lock_days: 1 at least."
  }
}

variable "object_lock_mode" {
  description = "\"GOVERNANCE\" (a role with that permission may delete) or \"COMPLIANCE\" (nobody may, the root user included)."
  type        = string
  default     = "COMPLIANCE"
  nullable    = false

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock_mode)
    error_message = "object_lock_mode: GOVERNANCE or COMPLIANCE."
  }
}

variable "replica" {
  description = "Bucket and key in the second region to which backups are replicated, or null for no replication."
  type        = object({ bucket_arn = string, kms_key_arn = string })
  default     = null

  validation {
    condition     = var.replica == null ? true : length(var.replica.bucket_arn) > 0 && length(var.replica.kms_key_arn) > 0
    error_message = "replica: both ARNs, or null."
  }
}

variable "repositories" {
  description = "Image repositories (ECR), by name."
  type        = list(string)
  default     = ["gateway", "md-relay", "tools"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z0-9][a-z0-9-]*$", name))])
    error_message = "repositories: lower-case letters, digits and dashes."
  }
}

variable "image_count" {
  description = "Images kept in each repository."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.image_count >= 1 && var.image_count <= 1000
    error_message = "image_count: 1 to 1000."
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
