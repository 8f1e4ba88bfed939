/**
 * What the shells load. Each script does nothing but hand the words before the cursor to
 * `keelson __complete` and show the answer, so that it never has to be made anew.
 */

/** Shells with completion. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** A shell with completion. */
export type Shell = (typeof SHELLS)[number]

/** The script for a shell. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

const BASH = `# bash completion for keelson
_keelson() {
  local word line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do
        COMPREPLY+=("$word")
      done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
      return
    fi
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _keelson keelson ./keelson
`

const ZSH = `#compdef keelson
_keelson() {
  local -a values
  local line word about
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      _files
      return
    fi
    # A colon would end the word and begin its description.
    word=\${line%%$'\\t'*} about=\${line#*$'\\t'}
    values+=("\${word//:/\\\\:}\${about:+:$about}")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe -V keelson values
}
if [[ $funcstack[1] == _keelson ]]; then
  _keelson "$@"
else
  compdef _keelson keelson
fi
`

const FISH = `# fish completion for keelson
function __keelson_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer ($words[1] __complete $words[2..-1] 2>/dev/null)
  if test "$answer" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c keelson -f -a '(__keelson_complete)'
`

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
