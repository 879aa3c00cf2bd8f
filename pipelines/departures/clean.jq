# One flat object a departure: minutes late, and whether people have to walk.
{
  id,
  train: "\(.train.category) \(.train.number)",
  line,
  destination: .to,
  via: (.via // []),
  planned,
  expected,
  delay_min: (if .expected == null then null
    else ((.expected | fromdate) - (.planned | fromdate)) / 60 end),
  platform: (.platform.actual // .platform.planned),
  platform_changed: (.platform.actual != null
    and .platform.actual != .platform.planned),
  cancelled
}
