# Completion for check_toy. Made from the plugin's options by make docs.
_check_toy() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $prev == "=" ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	case $prev in
	-n | --name)
		: # NAME
		return
		;;
	--max-age)
		: # SPAN
		return
		;;
	-t | --timeout)
		: # SPAN
		return
		;;
	--timeout-state)
		mapfile -t COMPREPLY < <(compgen -W 'ok warning critical unknown' -- "$cur")
		return
		;;
	--output-format)
		mapfile -t COMPREPLY < <(compgen -W 'nagios json openmetrics' -- "$cur")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W '--name --max-age --all --timeout --timeout-state --output-format --verbose --version --help' -- "$cur")
}
complete -F _check_toy check_toy
