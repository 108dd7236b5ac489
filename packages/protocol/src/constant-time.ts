/**
 * Compares two texts in a time that depends on the second one's length only. For MACs and digests, whose length is no
 * secret; characters above U+FFFF do not occur in them.
 */
export function equalInConstantTime(held: string, presented: string): boolean {
  let difference = held.length ^ presented.length
  for (let i = 0; i < presented.length; i++) difference |= held.charCodeAt(i) ^ presented.charCodeAt(i)
  return difference === 0
}
