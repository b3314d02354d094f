# table.awk - the medians of a file of results, as a table in Markdown. Each line of the file has a kind and figures,
# separated by tabs. Kinds come in the order of their first lines.
#   awk -v heading='| kind | orders/s |' -v formats='%d %.1f' -f table.awk FILE
BEGIN { FS = "\t"; n_formats = split(formats, format, " ") }
!($1 in rounds) { kinds[++n_kinds] = $1 }
{
  row = ++rounds[$1]
  for (column = 2; column <= NF; column++) value[$1, column, row] = $column
}
function median(kind, column,    n, i, j, held, list) {
  n = rounds[kind]
  for (i = 1; i <= n; i++) {
    held = value[kind, column, i] + 0
    for (j = i - 1; j >= 1 && list[j] > held; j--) list[j + 1] = list[j]
    list[j + 1] = held
  }
  return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
END {
  print heading
  line = heading
  gsub(/[^|]+/, " --- ", line)
  print line
  for (k = 1; k <= n_kinds; k++) {
    printf "| %s |", kinds[k]
    for (column = 2; column <= n_formats + 1; column++) printf " " format[column - 1] " |", median(kinds[k], column)
    printf "\n"
  }
}
