resource "aws_ecr_repository" "this" {
  for_each = toset(var.create ? var.repositories : [])

  name                 = "${var.bucket_prefix}/${each.key}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }

  tags = var.tags
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = toset(var.create ? var.repositories : [])

  repository = aws_ecr_repository.this[each.key].name
  policy = jsonencode({ rules = [{
    rulePriority = 1
    description  = "Keep the last ${var.image_count}"
    selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.image_count }
    action       = { type = "expire" }
  }] })
}
