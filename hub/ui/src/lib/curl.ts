// What is on the screen, as a command for a program.

/** In the shell's own quotes; the token stays a variable, so that it does not land in a history file. */
export function curlOf(path: string): string {
  return `curl -H "Authorization: Bearer $YIWANG_TOKEN" '${location.origin}${path.replaceAll("'", '%27')}'`;
}
