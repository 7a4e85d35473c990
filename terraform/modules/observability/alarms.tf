# The alarms, as a table. Each belongs to a level, which is the topic that it tells. Metrics of the namespace
# Vesta are what the roles' own metrics become when they are forwarded to CloudWatch.

locals {
  alarms = local.alarmed ? merge(
    {
      api-cpu        = { level = "warning", namespace = "Vesta", metric = "api_cpu_percent", dimensions = {}, threshold = 70, statistic = "Average", minutes = 5, unit = "percent", why = "API pods above 70 % CPU: the autoscaler is at its limit" }
      worker-queue   = { level = "warning", namespace = "Vesta", metric = "worker_queue_depth", dimensions = {}, threshold = 1000, statistic = "Maximum", minutes = 5, unit = "messages", why = "More than 1,000 messages wait for workers" }
      engine-latency = { level = "critical", namespace = "Vesta", metric = "engine_latency_p99_ms", dimensions = {}, threshold = 10, statistic = "Maximum", minutes = 1, unit = "ms", why = "Engine above 10 ms: add a shard" }
    },
    { for name, id in var.cluster_names : "cluster-${name}-nodes" =>
      { level = "critical", namespace = "ContainerInsights", metric = "cluster_failed_node_count", dimensions = { ClusterName = id }, threshold = 0, statistic = "Maximum", minutes = 5, unit = "nodes", why = "Nodes of ${name} have failed" }
    },
    { for name, id in var.host_ids : "host-${name}-status" =>
      { level = "critical", namespace = "AWS/EC2", metric = "StatusCheckFailed", dimensions = { InstanceId = id }, threshold = 0, statistic = "Maximum", minutes = 1, unit = "checks", why = "The host of shard ${name} fails its status checks" }
    },
    var.database == null ? {} : {
      database-cpu        = { level = "warning", namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = { (var.database.dimension) = var.database.identifier }, threshold = 70, statistic = "Average", minutes = 5, unit = "percent", why = "Database above 70 % CPU" }
      database-write-iops = { level = "warning", namespace = "AWS/RDS", metric = "WriteIOPS", dimensions = { (var.database.dimension) = var.database.identifier }, threshold = 0.8 * var.database.iops, statistic = "Average", minutes = 5, unit = "IOPS", why = "Writes above 80 % of the IOPS that there are" }
    },
    var.database == null ? {} : var.database.dimension == "DBClusterIdentifier" ? {} : {
      database-storage = { level = "critical", namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = { (var.database.dimension) = var.database.identifier }, threshold = -5 * 1024 * 1024 * 1024, statistic = "Minimum", minutes = 5, unit = "bytes", why = "Less than 5 GiB free, although storage should have grown" }
    },
    var.cache_id == null ? {} : {
      cache-memory = { level = "warning", namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = { ReplicationGroupId = var.cache_id }, threshold = 80, statistic = "Maximum", minutes = 5, unit = "percent", why = "Redis above 80 % of its memory" }
    },
    { for name, suffix in var.load_balancers : "lb-${name}-errors" =>
      { level = "critical", namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = { LoadBalancer = suffix }, threshold = 50, statistic = "Sum", minutes = 1, unit = "answers", why = "More than 50 answers a minute of ${name} are errors" }
    },
    { for name, suffix in var.load_balancers : "lb-${name}-requests" =>
      { level = "info", namespace = "AWS/ApplicationELB", metric = "RequestCount", dimensions = { LoadBalancer = suffix }, threshold = 100000, statistic = "Sum", minutes = 1, unit = "requests", why = "More than 100,000 requests a minute reach ${name}" }
    },
  ) : {}
}

# A threshold below zero stands for "less than": free space is the one metric of which too little is bad.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.why
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.threshold < 0 ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = abs(each.value.threshold)
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.metric == "StatusCheckFailed" ? "breaching" : "notBreaching"
  alarm_actions       = [aws_sns_topic.this[each.value.level].arn]
  ok_actions          = [aws_sns_topic.this["info"].arn]

  tags = merge(var.tags, { Level = each.value.level })
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.create && var.create_dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, name in sort(keys(local.alarms)) : {
      type   = "metric"
      x      = (index % 3) * 8
      y      = floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title  = "${name} (${local.alarms[name].unit})"
        region = data.aws_region.current.name
        stat   = local.alarms[name].statistic
        period = 60
        view   = "timeSeries"
        metrics = [concat(
          [local.alarms[name].namespace, local.alarms[name].metric],
          flatten([for key, value in local.alarms[name].dimensions : [key, value]]),
        )]
        annotations = { horizontal = [{ label = local.alarms[name].why, value = abs(local.alarms[name].threshold) }] }
      }
    }]
  })
}
