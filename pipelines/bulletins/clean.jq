# One flat object: text without markup, lists that are lists also where there
# is one, and numbers that are numbers; in XML all is text.
def list: [.] | flatten | map(select(. != null));
{
  id: .guid["#text"],
  title,
  text: (.description // "" | gsub("</?(p|br)[^>]*>"; " ")
    | gsub("</?[a-z][^>]*>"; "") | gsub("[ \n]+"; " ")
    | sub("^ "; "") | sub(" $"; "")),
  status: .["tr:status"],
  severity: .["tr:severity"],
  lines: (.["tr:line"] | list),
  between: [.["tr:section"]["@from"], .["tr:section"]["@to"]],
  delay_min: (.["tr:delay"] // null
    | if . == null then null else .["#text"] | tonumber end),
  categories: (.category | list),
  modified: .["dcterms:modified"],
  url: .link
}
