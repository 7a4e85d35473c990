{{- define "observability.labels" -}}
app.kubernetes.io/name: observability
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: vesta
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* What selects the pods of one component: (list . "grafana"). */}}
{{- define "observability.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "observability.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
fsGroup: 65534
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "observability.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* A secret of the secrets manager as environment of a pod: (dict "root" . "name" "..." "key" "..." "data" {ENV: property}). */}}
{{- define "observability.externalSecret" -}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "observability.labels" .root | nindent 4 }}
spec:
  refreshInterval: {{ .root.Values.externalSecret.refreshInterval }}
  secretStoreRef:
    kind: ClusterSecretStore
    name: {{ .root.Values.externalSecret.secretStore }}
  target:
    name: {{ .root.Release.Name }}-{{ .name }}
    creationPolicy: Owner
    deletionPolicy: Retain
  data:
    {{- range $variable, $property := .data }}
    - secretKey: {{ $variable }}
      remoteRef: { key: {{ $.root.Values.externalSecret.prefix }}/{{ $.key }}, property: {{ $property }} }
    {{- end }}
{{- end -}}

{{/*
A dashboard as Grafana wants it, from a list of panels: two in a row, each with its queries. In the file: title,
panels: [{title, unit, queries: {legend: expression}}].
*/}}
{{- define "observability.dashboard" -}}
{{- $board := .board -}}
{{- $panels := list -}}
{{- range $index, $panel := $board.panels -}}
  {{- $targets := list -}}
  {{- range $legend, $expression := $panel.queries -}}
    {{- $targets = append $targets (dict "expr" $expression "legendFormat" $legend "refId" (printf "Q%d" (len $targets))) -}}
  {{- end -}}
  {{- $place := dict "x" (mul 12 (mod $index 2)) "y" (mul 8 (div $index 2)) "w" 12 "h" 8 -}}
  {{- $source := dict "type" "prometheus" "uid" "${source}" -}}
  {{- $panels = append $panels (dict "id" (add1 $index) "type" "timeseries" "title" $panel.title "description" ($panel.description | default "") "datasource" $source "gridPos" $place "targets" $targets "fieldConfig" (dict "defaults" (dict "unit" $panel.unit "min" 0) "overrides" list)) -}}
{{- end -}}
{{- $sources := dict "name" "source" "type" "datasource" "query" "prometheus" "label" "Prometheus" -}}
{{- $shards := dict "name" "shard" "type" "query" "label" "Shard" "datasource" (dict "type" "prometheus" "uid" "${source}") "query" "label_values(vesta_ready, shard)" "includeAll" true "multi" true "refresh" 2 "allValue" ".*" "current" (dict "text" "All" "value" "$__all") -}}
{{- toPrettyJson (dict "uid" .uid "title" $board.title "tags" (list "vesta") "timezone" "utc" "refresh" "10s" "schemaVersion" 39 "version" 1 "editable" false "time" (dict "from" "now-30m" "to" "now") "templating" (dict "list" (list $sources $shards)) "panels" $panels) -}}
{{- end -}}
