"""The categories of service: slugs in code and data, names on pages."""

NAMES: dict[str, str] = {
    "lecture": "理论宣讲",
    "health": "义诊与健康",
    "mediation": "矛盾调解",
    "counselling": "法律与心理咨询",
    "elder_visit": "助老上门",
    "child_tutoring": "留守儿童辅导",
    "environment": "环境整治",
    "stairwell": "楼道革命",
    "waste_sorting": "垃圾分类督导",
    "civility": "文明劝导",
    "culture_sport": "文体活动",
    "night_patrol": "平安夜巡",
    "emergency": "应急救援",
    "construction": "施工监督",
    "repair": "便民维修",
    "door_visit": "微网格走访",
}
