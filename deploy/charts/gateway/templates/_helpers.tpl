{{/* Release and shard in one name, as short as labels want it; a release that is called by its shard is enough. */}}
{{- define "gateway.name" -}}
{{- $name := .Release.Name -}}
{{- if not (hasSuffix .Values.shard.name $name) }}{{ $name = printf "%s-%s" $name .Values.shard.name }}{{ end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What all objects of the release have in common, and what selects its pods. */}}
{{- define "gateway.selector" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
vesta/shard: {{ .Values.shard.name }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: vesta
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
vesta/market: {{ .Values.shard.market }}
{{- end -}}

{{- define "gateway.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "gateway.name" .) -}}
{{- end -}}

{{/* Networks as the `ipBlock`s of a policy. */}}
{{- define "gateway.ipBlocks" -}}
{{- range . }}
- ipBlock: { cidr: {{ . }} }
{{- end }}
{{- end -}}

{{/* The fronts that there are, in the order of their names: {front: values}. */}}
{{- define "gateway.fronts" -}}
{{- $fronts := dict -}}
{{- range $name, $front := .Values.fronts }}{{ if $front.enabled }}{{ $_ := set $fronts $name $front }}{{ end }}{{ end -}}
{{- toYaml $fronts -}}
{{- end -}}

{{/*
vesta.toml. What external-secrets puts in stands in comments, so that the text is valid without it, too. It is
`{{ .streams }}` and so on, in its own template language.
*/}}
{{- define "gateway.toml" -}}
[shard]
id = {{ .Values.shard.id }}

[transport]
mode = "mdc"
interface = {{ .Values.network.vpcCidr | quote }}
datapath = {{ ternary "auto" "socket" (eq .Values.seccomp.profile "uring") | quote }}
mtu_bytes = {{ .Values.config.mtuBytes }}
allowed_sources = {{ toJson .Values.network.shardCidrs }}

[idle]
gateway = {{ .Values.config.idle | quote }}

[log]
level = {{ .Values.config.logLevel | quote }}

[metrics]
address = "0.0.0.0"
gateway_port = {{ .Values.ports.metrics }}
{{- with .Values.config.shard }}

{{ trim . }}
{{- end }}
{{- if .Values.externalSecret.enabled }}

# [streams], from the parameter store:{{ print "{{ \"\\n\" }}{{ .streams }}" }}

# [[gateway]] and [[session]], from the secrets manager:{{ print "{{ \"\\n\" }}{{ .gateways }}" }}
{{- else }}

{{ required "config.streams: where the shard's hosts publish, or externalSecret.enabled" .Values.config.streams | trim }}

{{ required "config.gateways: [[gateway]] and [[session]], or externalSecret.enabled" .Values.config.gateways | trim }}
{{- end }}
{{ end -}}
