{{- define "md-relay.name" -}}
{{- $name := .Release.Name -}}
{{- if not (hasSuffix .Values.shard.name $name) }}{{ $name = printf "%s-%s" $name .Values.shard.name }}{{ end -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "md-relay.selector" -}}
app.kubernetes.io/name: md-relay
app.kubernetes.io/instance: {{ .Release.Name }}
vesta/shard: {{ .Values.shard.name }}
{{- end -}}

{{- define "md-relay.labels" -}}
{{ include "md-relay.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/component: md-relay
app.kubernetes.io/part-of: vesta
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
vesta/market: {{ .Values.shard.market }}
{{- end -}}

{{/*
vesta.toml. The streams stand in a comment, in external-secrets' own template language, which also moves the ports
at which the node receives.
*/}}
{{- define "md-relay.toml" -}}
[shard]
id = {{ .Values.shard.id }}

[transport]
mode = {{ .Values.config.mode | quote }}
interface = {{ .Values.config.interface | quote }}
datapath = {{ ternary "auto" "socket" (eq .Values.seccomp.profile "uring") | quote }}
mtu_bytes = {{ .Values.config.mtuBytes }}
allowed_sources = {{ toJson .Values.config.allowedSources }}
idle = {{ .Values.config.idle | quote }}

[log]
level = {{ .Values.config.logLevel | quote }}

[metrics]
address = "0.0.0.0"
md_relay_port = {{ .Values.ports.metrics }}

[md_relay]
market_data_port = {{ .Values.ports.marketData }}
snapshots_port = {{ .Values.ports.snapshots }}
{{- with .Values.config.shard }}

{{ trim . }}
{{- end }}
{{- if .Values.externalSecret.enabled }}

# [streams], from the parameter store:
{{- printf "{{ \"\\n\" }}{{ .streams | replace \"0.0.0.0:24240\" \"0.0.0.0:%v\" | replace \"0.0.0.0:24241\" \"0.0.0.0:%v\" }}" .Values.ports.upstreamMarketData .Values.ports.upstreamSnapshots }}
{{- else }}

{{ required "config.streams: where the shard publishes, or externalSecret.enabled" .Values.config.streams | trim }}
{{- end }}
{{ end -}}
