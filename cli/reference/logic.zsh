# Sets REPLY to the folder in which jobsched keeps the words of the store that is meant.
_jobsched_store() {
    local url=$1 named=$2
    REPLY=${XDG_CACHE_HOME-}
    [[ $REPLY == /* ]] || REPLY=$HOME/.cache
    REPLY+=/jobsched/words
    if [[ -z $url && -z $named ]]; then
        url=${JOBSCHED_DATABASE_URL:-${JOBSCHED_DSN-}} named=${JOBSCHED_PROFILE-}
    fi
    [[ -n $url ]] && named=
    case $url in
        ('') if [[ -n $named ]]; then url=$named; REPLY+=/profile-; else url=${JOBSCHED_HOME-}; REPLY+=/home-; fi
            url=${url//[^A-Za-z0-9.-]/_}
            if [[ -n $url ]]; then REPLY+=${url[1,100]}; else REPLY=${REPLY%home-}own; fi ;;
        (*\?*@*) REPLY+=/url ;;
        (postgresql://*|postgres://*)
            url=${url#*://}; url=${url##*@}; url=${url%%\?*}; url=${url//[^A-Za-z0-9.-]/_}
            REPLY+=/url-${url[1,100]} ;;
        (*) REPLY+=/url ;;
    esac
}

# Offers the lines `word<TAB>about` in $@. Nothing of them is evaluated: compadd takes words as they are.
_jobsched_offer() {
    local line word about
    local -a found shown
    local -i width=0 i
    for line in "$@"; do
        word=${line%%$'\t'*}
        found+=("$word")
        shown+=("${line#*$'\t'}")
        (( $#word > width )) && width=$#word
    done
    for (( i = 1; i <= $#found; i++ )); do
        about=${shown[i]}
        shown[i]=$found[i]
        [[ -n $about ]] && shown[i]="${(r:width:)found[i]}  -- ${about[1,60]}"
    done
    (( $#found )) && compadd "${ends[@]}" -V jobsched -l -d shown -a found
}

# Sets known to the lines of file $1, if they are fit for a shell and not older than a week.
_jobsched_known() {
    local LC_ALL=C text
    known=()
    [[ -r $1 ]] || return
    text=$mapfile[$1]
    [[ $text == '#'<-1000000000000>$'\n'* ]] || return
    (( EPOCHSECONDS - ${${text%%$'\n'*}#\#} > 604800 )) && return
    known=(${(M)${(f)text}:#[A-Za-z0-9][A-Za-z0-9._:/@+-](#c0,127)$'\t'[A-Za-z0-9 ._:/@+,-](#c0,60)})
}

# Completes a field of the payload of $kind, or the file that one is read from.
_jobsched_fields() {
    local REPLY
    if [[ $PREFIX == *@* ]]; then compset -P '*@' && _files; return; fi
    ends=(-S '')
    _jobsched_payload "$kind"
    _jobsched_offer ${(f)REPLY}
}

# Completes the last term of a filter: a field with its operator, or the values of one.
_jobsched_terms() {
    local REPLY
    local -a match mbegin mend
    compset -P '*[[:space:]]'
    compset -P '-'
    if [[ $PREFIX == (#b)([a-z_]##)[:=]* ]]; then
        _jobsched_term "$match[1]"
        compset -P '[a-z_]##[:=]'
        _jobsched_from "$REPLY"
        return
    fi
    ends=(-S '')
    _jobsched_static terms
    _jobsched_offer ${(f)REPLY}
}

# Completes from a source of words.
_jobsched_from() {
    local source=$1 REPLY
    local -a known
    case $source in
        ('') return ;;
        (files) _files; return ;;
        (folders) _files -/; return ;;
        (fields) _jobsched_fields; return ;;
        (terms) _jobsched_terms; return ;;
        (*,) source=${source%,}; compset -P '*,' ;;
    esac
    _jobsched_static $source
    local -a lines=(${(f)REPLY})
    if [[ $source == [a-z]* ]]; then
        _jobsched_store "$url" "$profile"
        [[ $source == profiles ]] && REPLY=${REPLY%/*}
        _jobsched_known "$REPLY/$source"
    fi
    _jobsched_offer $lines $known
}

_jobsched() {
    zmodload zsh/mapfile zsh/datetime
    local path_='' flag='' url='' profile='' kind='' word REPLY=''
    local -a ends
    local -i place=0 i
    for (( i = 2; i < CURRENT; i++ )); do
        word=${(Q)words[i]}
        if [[ -n $flag ]]; then
            case $flag in (--database-url) url=$word ;; (-p|--profile) profile=$word ;; esac
            flag=
        elif [[ $word == -- ]]; then
            _jobsched_place "$path_" --
            if [[ -n $REPLY ]]; then
                shift $i words
                (( CURRENT -= i ))
                _normal
            fi
            return
        elif [[ $word == --database-url=* ]]; then
            url=${word#*=}
        elif [[ $word == --profile=* ]]; then
            profile=${word#*=}
        elif [[ $word == -* ]]; then
            _jobsched_value "$path_" "$word"
            [[ -n $REPLY ]] && flag=$word
        else
            _jobsched_verbs "$path_"
            _jobsched_alias "$path_ $word" "$word"
            if [[ $'\n'$REPLY == *$'\n'"$word"$'\t'* ]]; then path_+=${path_:+ }$word
            else (( place++ )) || kind=$word; fi
        fi
    done
    if [[ -n $flag ]]; then
        _jobsched_value "$path_" "$flag"
        _jobsched_from "${REPLY#-}"
    elif [[ $PREFIX == --*=* ]]; then
        _jobsched_value "$path_" "${PREFIX%%=*}"
        compset -P '*='
        _jobsched_from "${REPLY#-}"
    elif [[ $PREFIX == -* ]]; then
        local -a flags
        _jobsched_flags "$path_"
        flags=(${(f)REPLY})
        _jobsched_flags -
        _jobsched_offer $flags ${(f)REPLY}
    else
        _jobsched_verbs "$path_"
        if [[ -n $REPLY ]]; then
            (( place )) || _jobsched_offer ${(f)REPLY}
        else
            _jobsched_place "$path_" "$place"
            _jobsched_from "$REPLY"
        fi
    fi
}

if [[ $funcstack[1] == _jobsched ]]; then _jobsched "$@"; else compdef _jobsched jobsched; fi
