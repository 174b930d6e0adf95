# Sets REPLY to the folder in which jobsched keeps the words of the store that is meant.
_jobsched_store() {
    local url=$1 named=$2 LC_ALL=C
    REPLY=${XDG_CACHE_HOME-}
    [[ $REPLY == /* ]] || REPLY=$HOME/.cache
    REPLY+=/jobsched/words
    if [[ ! $url && ! $named ]]; then
        url=${JOBSCHED_DATABASE_URL:-${JOBSCHED_DSN-}} named=${JOBSCHED_PROFILE-}
    fi
    [[ $url ]] && named=
    case $url in
        '') if [[ $named ]]; then url=$named REPLY+=/profile-; else url=${JOBSCHED_HOME-} REPLY+=/home-; fi
            url=${url//[!A-Za-z0-9.-]/_}
            if [[ $url ]]; then REPLY+=${url:0:100}; else REPLY=${REPLY%home-}own; fi ;;
        *\?*@*) REPLY+=/url ;;
        postgresql://*|postgres://*)
            url=${url#*://} url=${url##*@} url=${url%%\?*} url=${url//[!A-Za-z0-9.-]/_}
            REPLY+=/url-${url:0:100} ;;
        *) REPLY+=/url ;;
    esac
}

# Adds to COMPREPLY what begins with $cur of the lines `word<TAB>about` in $1, each with $prefix before it.
_jobsched_offer() {
    local IFS=$'\n' LC_ALL=C lines found=() line
    case $- in *f*) lines=($1) ;; *) set -f; lines=($1); set +f ;; esac # no line is a pattern of files
    if [[ $cur ]]; then
        for line in "${lines[@]}"; do [[ $line == "$cur"* ]] && found+=("$line"); done
    else
        found=("${lines[@]}")
    fi
    abouts+=("${found[@]#*$'\t'}")
    found=("${found[@]%%$'\t'*}")
    if [[ $prefix ]]; then
        for line in "${found[@]}"; do COMPREPLY+=("$prefix$line"); done
    else
        COMPREPLY+=("${found[@]}")
    fi
}

# Adds words of the store: what is in file $1, if all of it is fit for a shell and not older than a week.
_jobsched_offer_known() {
    local LC_ALL=C text stamp
    [[ -r $1 ]] || return
    IFS= read -r -d '' text <"$1"
    stamp=${text%%$'\n'*} text=${text#*$'\n'}
    [[ $stamp == '#'[0-9]* && ${stamp#?} != *[!0-9]* && ${#stamp} -lt 16 ]] || return
    ((${EPOCHSECONDS:-0} - 10#${stamp#?} > 604800)) && return
    [[ $text == *[!A-Za-z0-9\ ._:/@+,$'\t\n'-]* || $'\n'$text == *$'\n'[!A-Za-z0-9]* ]] && return
    [[ $text =~ [^[:space:]]{129} || $'\n'$text =~ $'\n'[^$'\t\n']*' ' ]] && return
    _jobsched_offer "$text"
}

# Completes $cur as a field of the payload of $kind, or as the file that one is read from.
_jobsched_fields() {
    local REPLY
    if [[ $cur == *@* ]]; then compopt -o default 2>/dev/null; return; fi
    compopt -o nospace 2>/dev/null
    _jobsched_payload "$kind"
    _jobsched_offer "$REPLY"
}

# Completes the last term of a filter: a field with its operator, or the values of one.
_jobsched_terms() {
    local REPLY before=${cur##*[[:space:]]} line
    before=${cur%"$before"}
    prefix+=$before cur=${cur#"$before"}
    [[ $cur == -* ]] && prefix+=- cur=${cur#-}
    if [[ $cur =~ ^([a-z_]+)[:=] ]]; then
        prefix+=${BASH_REMATCH[0]} cur=${cur#"${BASH_REMATCH[0]}"}
        _jobsched_term "${BASH_REMATCH[1]}"
        _jobsched_from "$REPLY"
        return
    fi
    compopt -o nospace 2>/dev/null
    _jobsched_static terms
    if [[ $quote ]]; then
        _jobsched_offer "$REPLY"
        # A word that is the only one would be followed by the closing quote.
        ((${#COMPREPLY[@]} == 1)) && COMPREPLY+=("${COMPREPLY[0]%?}")
    else # where `<` and `>` redirect
        before=$REPLY REPLY=
        while IFS= read -r line; do [[ $line == *[\<\>]$'\t'* ]] || REPLY+=$line$'\n'; done <<<"$before"
        _jobsched_offer "$REPLY"
    fi
}

# Completes $cur from a source of words.
_jobsched_from() {
    local source=$1 REPLY
    case $source in
        '') return ;;
        files) compopt -o default 2>/dev/null; return ;;
        folders) compopt -o dirnames 2>/dev/null; return ;;
        fields) _jobsched_fields; return ;;
        terms) _jobsched_terms; return ;;
        *,) source=${source%,}
            if [[ $cur == *,* ]]; then prefix+=${cur%,*}, cur=${cur##*,}; fi ;;
    esac
    _jobsched_static "$source"
    _jobsched_offer "$REPLY"
    [[ $source == [a-z]* ]] || return
    _jobsched_store "$url" "$profile"
    [[ $source == profiles ]] && REPLY=${REPLY%/*}
    _jobsched_offer_known "$REPLY/$source"
}

# Completes a program and its arguments, which begin at word $1 of COMP_WORDS.
_jobsched_program() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif (($1 == COMP_CWORD)); then
        while IFS= read -r REPLY; do COMPREPLY+=("$REPLY"); done < <(compgen -c -- "$cur")
    else
        compopt -o default 2>/dev/null
    fi
}

# Shows what words are beside them, where they are only listed (the second tab) and not inserted.
_jobsched_explain() {
    local i width=0
    ((COMP_TYPE == 63 && ${#COMPREPLY[@]} > 1)) || return
    for i in "${!COMPREPLY[@]}"; do ((${#COMPREPLY[i]} > width)) && width=${#COMPREPLY[i]}; done
    for i in "${!COMPREPLY[@]}"; do
        [[ ${abouts[i]} ]] && printf -v "COMPREPLY[$i]" "%-${width}s  (%s)" "${COMPREPLY[i]}" "${abouts[i]:0:60}"
    done
}

_jobsched() {
    local line=${COMP_LINE:0:COMP_POINT} words=() starts=() word i
    COMPREPLY=()
    # What bash split at `=`, `:` and `@` is put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i == 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=('') starts+=("$i")
        fi
        ((i == COMP_CWORD)) && word=$line
        words[${#words[@]} - 1]+=$word
        line=${line#"$word"}
    done
    local last=$((${#words[@]} - 1)) cur=${words[${#words[@]} - 1]} prefix='' abouts=()
    local path='' flag='' url='' profile='' kind='' quote='' place=0 REPLY=''
    for ((i = 1; i < last; i++)); do
        word=${words[i]}
        if [[ $flag ]]; then
            case $flag in --database-url) url=$word ;; -p|--profile) profile=$word ;; esac
            flag=
        elif [[ $word == -- ]]; then
            _jobsched_place "$path" --
            [[ $REPLY ]] && _jobsched_program "${starts[i + 1]}"
            return
        elif [[ $word == --database-url=* ]]; then
            url=${word#*=}
        elif [[ $word == --profile=* ]]; then
            profile=${word#*=}
        elif [[ $word == -* ]]; then
            _jobsched_value "$path" "$word"
            [[ $REPLY ]] && flag=$word
        else
            _jobsched_verbs "$path"
            _jobsched_alias "$path $word" "$word"
            if [[ $'\n'$REPLY == *$'\n'"$word"$'\t'* ]]; then path+=${path:+ }$word
            else ((place++)) || kind=$word; fi
        fi
    done
    [[ $cur == [\"\']* ]] && quote=${cur:0:1} cur=${cur:1}
    if [[ $flag ]]; then
        _jobsched_value "$path" "$flag"
        _jobsched_from "${REPLY#-}"
    elif [[ $cur == --*=* ]]; then
        _jobsched_value "$path" "${cur%%=*}"
        prefix=${cur%%=*}= cur=${cur#*=}
        [[ $cur == [\"\']* ]] && quote=${cur:0:1} cur=${cur:1} prefix=
        _jobsched_from "${REPLY#-}"
    elif [[ $cur == -* ]]; then
        _jobsched_flags "$path"
        _jobsched_offer "$REPLY"
        _jobsched_flags -
        _jobsched_offer "$REPLY"
    else
        _jobsched_verbs "$path"
        if [[ $REPLY ]]; then
            ((place)) || _jobsched_offer "$REPLY"
        else
            _jobsched_place "$path" "$place"
            _jobsched_from "$REPLY"
        fi
    fi
    # Readline replaces only what follows the last of its word breaks, or the quote that is open.
    word=${words[last]}
    word=${word%"${word##*[=:@]}"}
    [[ $word && ! $quote && $COMP_WORDBREAKS == *"${word: -1}"* ]] && COMPREPLY=("${COMPREPLY[@]#"$word"}")
    _jobsched_explain
}

complete -o nosort -F _jobsched jobsched 2>/dev/null || complete -F _jobsched jobsched
