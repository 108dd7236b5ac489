import { Type } from 'typebox'
import { idPattern } from '../../../ids.ts'

export const BootIdSchema = Type.String({
  pattern: idPattern('boot'),
  description: 'the id of one run of a server process, boot_...',
})
