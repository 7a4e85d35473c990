locals {
  zones = var.create ? { for index, zone in var.zones : zone => index } : {}
  nats  = var.create ? min(var.nat_gateway_count, length(var.zones)) : 0

  cluster_tags = { for name in var.cluster_names : "kubernetes.io/cluster/${name}" => "shared" }
}

data "aws_region" "current" {}

resource "aws_vpc" "this" {
  count = var.create ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = merge(var.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition = alltrue([
        for subnets in [var.public_subnets, var.private_subnets, var.database_subnets] :
        length(subnets) >= length(var.zones)
      ])
      error_message = "There are fewer subnets than zones: give one public, private and database subnet per zone."
    }
  }
}

# Without rules the default group admits nothing: whoever forgets to name a group is cut off, not open.
resource "aws_default_security_group" "this" {
  count = var.create ? 1 : 0

  vpc_id  = aws_vpc.this[0].id
  ingress = []
  egress  = []

  tags = merge(var.tags, { Name = "${var.name}-default-unused" })
}

resource "aws_internet_gateway" "this" {
  count = var.create ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = each.key
  cidr_block              = var.public_subnets[each.value]
  map_public_ip_on_launch = false

  tags = merge(var.tags, local.cluster_tags, {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  })
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = var.private_subnets[each.value]

  tags = merge(var.tags, local.cluster_tags, {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
  })
}

resource "aws_subnet" "database" {
  for_each = local.zones

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = var.database_subnets[each.value]

  tags = merge(var.tags, { Name = "${var.name}-database-${each.key}" })
}

resource "aws_eip" "nat" {
  count = local.nats

  domain = "vpc"

  tags = merge(var.tags, { Name = "${var.name}-nat-${count.index}" })
}

resource "aws_nat_gateway" "this" {
  count = local.nats

  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[var.zones[count.index]].id

  tags = merge(var.tags, { Name = "${var.name}-${count.index}" })

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  count = var.create ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_route" "public" {
  count = var.create ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  for_each = local.zones

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = aws_vpc.this[0].id

  tags = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_route" "private" {
  for_each = local.nats > 0 ? local.zones : {}

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.value % local.nats].id
}

resource "aws_route_table_association" "private" {
  for_each = local.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

# No route but the VPC's own.
resource "aws_route_table" "database" {
  count = var.create ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(var.tags, { Name = "${var.name}-database" })
}

resource "aws_route_table_association" "database" {
  for_each = local.zones

  subnet_id      = aws_subnet.database[each.key].id
  route_table_id = aws_route_table.database[0].id
}

# Network ACLs are the second line: coarse, stateless, and wide enough that security groups decide.
resource "aws_network_acl" "public" {
  count = var.create ? 1 : 0

  vpc_id     = aws_vpc.this[0].id
  subnet_ids = [for zone in var.zones : aws_subnet.public[zone].id]

  tags = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_network_acl" "private" {
  count = var.create ? 1 : 0

  vpc_id     = aws_vpc.this[0].id
  subnet_ids = [for zone in var.zones : aws_subnet.private[zone].id]

  tags = merge(var.tags, { Name = "${var.name}-private" })
}

resource "aws_network_acl" "database" {
  count = var.create ? 1 : 0

  vpc_id     = aws_vpc.this[0].id
  subnet_ids = [for zone in var.zones : aws_subnet.database[zone].id]

  tags = merge(var.tags, { Name = "${var.name}-database" })
}

locals {
  # Ephemeral ports are there for answers: an ACL keeps no state.
  acl_rules = {
    public_http_in       = { acl = "public", number = 100, egress = false, protocol = "tcp", from = 80, to = 80, cidr = "0.0.0.0/0" }
    public_https_in      = { acl = "public", number = 110, egress = false, protocol = "tcp", from = 443, to = 443, cidr = "0.0.0.0/0" }
    public_answers_in    = { acl = "public", number = 120, egress = false, protocol = "tcp", from = 1024, to = 65535, cidr = "0.0.0.0/0" }
    public_vpc_in        = { acl = "public", number = 130, egress = false, protocol = "-1", from = 0, to = 0, cidr = var.vpc_cidr }
    public_all_out       = { acl = "public", number = 100, egress = true, protocol = "-1", from = 0, to = 0, cidr = "0.0.0.0/0" }
    private_vpc_in       = { acl = "private", number = 100, egress = false, protocol = "-1", from = 0, to = 0, cidr = var.vpc_cidr }
    private_answers_in   = { acl = "private", number = 110, egress = false, protocol = "tcp", from = 1024, to = 65535, cidr = "0.0.0.0/0" }
    private_time_in      = { acl = "private", number = 120, egress = false, protocol = "udp", from = 1024, to = 65535, cidr = "0.0.0.0/0" }
    private_multicast_in = { acl = "private", number = 130, egress = false, protocol = "2", from = 0, to = 0, cidr = "0.0.0.0/0" }
    private_all_out      = { acl = "private", number = 100, egress = true, protocol = "-1", from = 0, to = 0, cidr = "0.0.0.0/0" }
    database_vpc_in      = { acl = "database", number = 100, egress = false, protocol = "tcp", from = 1024, to = 65535, cidr = var.vpc_cidr }
    database_vpc_out     = { acl = "database", number = 100, egress = true, protocol = "tcp", from = 1024, to = 65535, cidr = var.vpc_cidr }
  }
  acls = {
    public   = one(aws_network_acl.public[*].id)
    private  = one(aws_network_acl.private[*].id)
    database = one(aws_network_acl.database[*].id)
  }
}

resource "aws_network_acl_rule" "this" {
  for_each = var.create ? local.acl_rules : {}

  network_acl_id = local.acls[each.value.acl]
  rule_number    = each.value.number
  egress         = each.value.egress
  protocol       = each.value.protocol
  rule_action    = "allow"
  cidr_block     = each.value.cidr
  from_port      = each.value.from
  to_port        = each.value.to
}

resource "aws_vpc_endpoint" "this" {
  for_each = var.create && var.create_endpoints ? toset(["s3", "dynamodb"]) : toset([])

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for zone in var.zones : aws_route_table.private[zone].id]

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_flow_log" "this" {
  count = var.create && var.create_flow_logs ? 1 : 0

  vpc_id                   = aws_vpc.this[0].id
  traffic_type             = "ALL"
  log_destination_type     = "s3"
  log_destination          = var.flow_logs_bucket_arn
  max_aggregation_interval = 60

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_db_subnet_group" "this" {
  count = var.create && var.create_database_subnet_group && length(var.zones) > 1 ? 1 : 0

  name       = var.name
  subnet_ids = [for zone in var.zones : aws_subnet.database[zone].id]

  tags = var.tags
}

resource "aws_elasticache_subnet_group" "this" {
  count = var.create && var.create_cache_subnet_group ? 1 : 0

  name       = var.name
  subnet_ids = [for zone in var.zones : aws_subnet.database[zone].id]

  tags = var.tags
}
