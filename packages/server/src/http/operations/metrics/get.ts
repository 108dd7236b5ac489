import { Type } from 'typebox'
import { operation } from '../../operation.ts'

export const getMetricsOperation = operation({
  id: 'metrics.get',
  method: 'GET',
  path: '/metrics',
  summary: 'Counts and states of this server process, in the text format of Prometheus',
  permission: 'metrics:read',
  installationWide: true,
  audit: null,
  status: 200,
  output: Type.String(),
  outputType: 'text/plain; version=0.0.4; charset=utf-8',
  errors: [],
  handle: async ({ metrics }) => metrics.render(),
})
