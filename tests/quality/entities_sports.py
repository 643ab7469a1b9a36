"""Sports copy, datelines and result lists of our own writing, with their names marked as in `entities_text`.

Every article was made up, players and officials are invented; clubs are called by the names of real and invented
towns, as clubs are. Clubs are marked ORG, countries LOC also where their teams play (so are they in every annotated set
that we may look at), grounds LOC, competitions and nationalities not at all. The first line is the headline. The rules
were written while looking at `SEEN`; `UNSEEN` was written before them and only ever scored.
"""

from __future__ import annotations

SEEN = (
    # a football report with a venue, a list of results and a table
    "[ORG Leeds] hold [ORG Chelsea] as [PER Marland] strikes late\n"
    "[PER Tobias Marland] scored in the last minute as [ORG Leeds] drew 2-2 with [ORG Chelsea] on Saturday.\n"
    "[ORG Leeds], unbeaten in [LOC Leeds] since October, had fallen behind to goals by [PER Aaron Velde] and "
    "[PER Ivo Castellani]. The match at [LOC Elland Road] was watched by 34,000.\n"
    '"We were poor for an hour," said [ORG Leeds] manager [PER Graham Oldroyd]. [ORG Chelsea] travel to [LOC Norwich] '
    "next week and the train back to [LOC London] will feel long.\n"
    "[ORG Everton] beat [ORG Sunderland] 1-0, [ORG Middlesbrough] lost 3-0 to [ORG Derby] and [ORG Coventry] were held "
    "by bottom club [ORG Southampton].\n"
    "[ORG Leeds] 2 [ORG Chelsea] 2\n"
    "[ORG Everton] 1 [ORG Sunderland] 0\n"
    "[ORG Middlesbrough] 0 [ORG Derby] 3\n"
    "[ORG Coventry] 1 [ORG Southampton] 1",
    "SOCCER - LEADING STANDINGS\n"
    "[LOC LONDON] 1996-11-02\n"
    "Standings (tabulate under played, won, drawn, lost, goals for, against, points):\n"
    "Premier league\n"
    "[ORG Newcastle] 12 9 0 3 21 11 27\n"
    "[ORG Arsenal] 12 7 3 2 24 12 24\n"
    "[ORG Liverpool] 11 7 2 2 20 10 23\n"
    "[ORG Wimbledon] 12 7 2 3 21 12 23\n"
    "[ORG Derby] 12 3 5 4 12 15 14\n"
    "[ORG Nottingham Forest] 11 1 5 5 10 18 8\n"
    "[ORG Coventry] 12 1 5 6 5 16 8",
    "BASEBALL - SUNDAY'S RESULTS\n"
    "[LOC NEW YORK] 1996-08-19\n"
    "Results of major league games played on Sunday (home team in capitals):\n"
    "East\n"
    "[ORG Chicago] 7 [ORG CLEVELAND] 3\n"
    "[ORG DETROIT] 4 [ORG Boston] 2\n"
    "[ORG TEXAS] 10 [ORG Kansas City] 3\n"
    "[ORG Seattle] 6 [ORG NEW YORK] 5 (in 12)\n"
    "West\n"
    "[ORG ATLANTA] 5 [ORG Montreal] 3\n"
    "[ORG SAN DIEGO] 1 [ORG Houston] 0\n"
    "[ORG Philadelphia] at [ORG Los Angeles], late",
    "BASEBALL - STANDINGS AFTER SUNDAY'S GAMES\n"
    "Major league standings after games played on Sunday (tabulate under won, lost, winning percentage and games "
    "behind):\n"
    "EASTERN DIVISION\n"
    "W L PCT GB\n"
    "[ORG NEW YORK] 72 51 .585 -\n"
    "[ORG BALTIMORE] 67 56 .545 5\n"
    "[ORG TORONTO] 58 66 .468 14 1/2\n"
    "CENTRAL DIVISION\n"
    "[ORG CLEVELAND] 74 50 .597 -\n"
    "[ORG MINNESOTA] 62 62 .500 12\n"
    "[ORG KANSAS CITY] 56 69 .448 18 1/2\n"
    "MONDAY'S SCHEDULE\n"
    "[ORG BOSTON] AT [ORG OAKLAND]\n"
    "[ORG MILWAUKEE] AT [ORG CLEVELAND]\n"
    "[ORG SEATTLE] AT [ORG DETROIT]",
    "[PER Halloran] blanks [ORG Boston] as [ORG Seattle] win sixth straight\n"
    "[LOC SEATTLE] ([ORG AP]) - [PER Dwight Halloran] pitched a three-hitter and [PER Luis Marte] homered twice as "
    "[ORG Seattle] "
    "beat [ORG Boston] 4-0 on Tuesday night.\n"
    "[PER Halloran] (12-5) struck out nine for [ORG Seattle], which moved within two games of [ORG Oakland] in the "
    "division.\n"
    "[ORG Boston] starter [PER Kevin Shaughnessy] gave up four runs in five innings. The [ORG Red Sox] have "
    "lost five of "
    "six since they left [LOC Massachusetts].\n"
    "In [LOC Detroit], [PER Omar Guzman] drove in three runs as the [ORG Tigers] defeated [ORG Baltimore] 7-3.\n"
    "In [LOC Houston], [PER Chad Lindqvist] singled in the winning run and [ORG Houston] edged [ORG Atlanta] 3-2.\n"
    "[ORG San Diego] fans flew to [LOC Los Angeles] for the series, and hotels in [LOC Los Angeles] were full.",
    "TENNIS - RESULTS AT [LOC TORONTO] OPEN\n"
    "[LOC TORONTO] 1996-08-21\n"
    "Results from the first round of the men's tournament on Wednesday (prefix number denotes seeding):\n"
    "1 - [PER Pavel Sandor] ([LOC Czech Republic]) beat [PER Todd Wexler] ([LOC U.S.]) 6-3 7-6 (7-2)\n"
    "[PER Jonas Bjorkengren] ([LOC Sweden]) beat 4 - [PER Marc Rosselet] ([LOC Switzerland]) 6-4 3-6 6-1\n"
    "[PER Hendrik van Dreem] ([LOC Netherlands]) beat [PER Alberto Cosimi] ([LOC Italy]) 6-2 6-2\n"
    "[PER Daniel Vacher] ([LOC Britain]) beat [PER Javier Sanchis] ([LOC Spain]) 7-5 6-3",
    "MOTOR RACING - BELGIAN GRAND PRIX RESULTS\n"
    "[LOC SPA-FRANCORCHAMPS], [LOC Belgium] 1996-08-25\n"
    "Leading placings in Sunday's race:\n"
    "1. [PER Mikael Schoenherr] ([LOC Germany]) [ORG Ferrari] 1 hour 28 minutes 15.125 seconds\n"
    "2. [PER Jacques Vilnay] ([LOC Canada]) [ORG Williams] 5.602 seconds behind\n"
    "3. [PER Mika Hakala] ([LOC Finland]) [ORG McLaren] 15.710\n"
    "4. [PER Jean Alessi] ([LOC France]) [ORG Benetton] 19.125",
    "[PER Okafor] double sends [ORG Lagos] top\n"
    "[ORG Kano] host [ORG Lagos] in the Nigerian league on Sunday without striker [PER Emeka Okafor], who scored twice "
    "against [ORG Enugu] last week.\n"
    "The bus to [LOC Kano] takes eleven hours, coach [PER Sunday Adeleke] said in [LOC Lagos] on Friday.\n"
    '"We want to win in [LOC Kano]," he said. [ORG Kano] have won every home game this season.',
    "CRICKET - [ORG ESSEX] CLOSE ON TITLE AFTER INNINGS WIN\n"
    "[ORG Essex] beat [ORG Somerset] by an innings and 39 runs at [LOC Chelmsford] to stay top of the county "
    "championship.\n"
    "[PER Neil Fairbrass] took six for 41 as [ORG Somerset] were bowled out for 174. [ORG Kent], seven points behind, "
    "reached 232 for four against [ORG Nottinghamshire] at [LOC Trent Bridge].\n"
    "[ORG Surrey] 410 ([PER G. Thornwell] 120, [PER A. Ratcliffe] 72) and 101-3 v [ORG Kent] 291.\n"
    "[LOC England] won the toss and chose to bat against [LOC Pakistan] at [LOC Lord's].",
    "[ORG Ajax] sign [PER Halvorsen] from [ORG Bergen]\n"
    "[ORG Ajax] have signed defender [PER Tor Halvorsen] from [ORG Bergen] for three million euros, the club said in "
    "[LOC Amsterdam].\n"
    "[PER Halvorsen], who was born in [LOC Bergen], played 140 matches for [ORG Bergen] and 12 for [LOC Norway].\n"
    "He joins from a side that finished third behind [ORG Trondheim] and [ORG Oslo].",
    "[ORG NBA] RESULTS\n"
    "[ORG Toronto] 97 [ORG Atlanta] 88\n"
    "[ORG MIAMI] 101 [ORG Washington] 96 (OT)\n"
    "[ORG Utah] 114 [ORG PHOENIX] 109\n"
    "[ORG Golden State] 95 [ORG Vancouver] 82\n"
    "[ORG Dallas] at [ORG Portland]\n"
    "[ORG Minnesota] at [ORG Denver]",
    # what must stay a place
    "[LOC Leeds] council to sell town hall\n"
    "[LOC Leeds] has lost 400 jobs this year, and [LOC Bradford] 300, while [LOC Manchester] gained 2,000.\n"
    "Councillor [PER Nadia Hussain] said [LOC Leeds] would host the festival next year. It beat [LOC Bristol] to the "
    "title of greenest city.\n"
    "A team of 40 players and a football coach live in the street. [LOC Bristol] is a city of football lovers.",
    "[LOC Texas] leads [LOC California] in new jobs\n"
    "[LOC Texas] beat [LOC California] in job growth in March, the [ORG Labor Department] said.\n"
    "[LOC Ohio] won a lawsuit against [LOC Michigan] over water; [LOC Chicago] lost an appeal.\n"
    '"It is a game that only [LOC Texas] can win," Governor [PER Miles Abernathy] said in [LOC Austin].',
    "[LOC Russia] defeats [LOC Ukraine] motion at [ORG UN]\n"
    "[LOC Moscow] defeated a motion by [LOC Kyiv] 8-5 in the [ORG Security Council], and [LOC Washington] faces a vote "
    "on Friday.\n"
    "[LOC Berlin] and [LOC Paris] drew up a plan. [LOC Ankara] hosts the talks.",
    # datelines
    "[LOC LONDON], Aug 24 - Shares in [ORG Northmoor Water] fell.\n"
    "[LOC BAKU] ([ORG Reuters]) - [PER Ilham Safarli] left [LOC Azerbaijan] for talks in [LOC Tbilisi].\n"
    "[LOC NEW YORK], March 3 ([ORG AP]) - Police arrested [PER Dario Melnick] on Friday.\n"
    "[LOC ROME] 1996-08-30\n"
    "[LOC WARSAW], [LOC Poland] -- The [ORG Finance Ministry] denied the report.\n"
    "[LOC SAO PAULO], [LOC Brazil] ([ORG AFP]) - [PER Joana Peixoto] won the vote.",
    "RUGBY UNION - [ORG BATH] NAME UNCHANGED SIDE\n[LOC LONDON] 1996-11-14\n"
    "[ORG Bath] named an unchanged side on Thursday for the European Cup quarter-final against [ORG Cardiff] in "
    "[LOC Wales] on Saturday.\n"
    "Coach [PER Brian Aldous] kept faith with the pack that beat [ORG Pontypridd] 19-6, but [ORG Gloucester]'s "
    "[PER Ian Fenn] is on the bench.\n"
    "Team: 15-[PER Jon Callow], 14-[PER Adedayo Bright], 13-[PER Phil Gower], 12-[PER Mike Nicoll], 11-[PER Jon "
    "Sleigh].",
    "SOCCER - [PER MARLAND] TO JOIN [ORG REAL MADRID]\n[LOC MADRID] 1996-12-06\n"
    "[ORG Real Madrid] agreed terms with [ORG Leeds] for striker [PER Tobias Marland] on Friday.\n"
    "[ORG Barcelona] coach [PER Robbie Hobson] said he had also been watching [PER Marland], who scored 12 goals "
    "for [ORG Leeds] last season.\n"
    "[ORG Real] travel to [LOC Seville] at the weekend to meet [ORG Betis].",
    "SOCCER - SUMMARY OF DUTCH FIRST DIVISION MATCHES\n[LOC AMSTERDAM] 1996-08-24\n"
    "Summary of matches played in the Dutch first division at the weekend:\n"
    "[ORG Vitesse Arnhem] 1 ([PER Sturing] 65) [ORG Sparta Rotterdam] 1 ([PER Gerrits] 84). Halftime 0-0. "
    "Attendance: 6,696.\n"
    "[ORG Utrecht] 0 [ORG Heerenveen] 0. Attendance: 12,000.\n"
    "[ORG PSV Eindhoven] 7 ([PER Nilisen] 1, [PER Jonker] 20) [ORG Volendam] 2 ([PER Mulder] 43).",
    "CRICKET - ENGLISH COUNTY CHAMPIONSHIP SCORES\n[LOC LONDON] 1996-08-30\n"
    "Close of play scores in four-day matches on Friday:\n"
    "[LOC Leicester]: [ORG Leicestershire] beat [ORG Somerset] by an innings and 39 runs.\n"
    "[LOC Chester-le-Street]: [ORG Glamorgan] 259 and 207 ([PER A. Dalling] 53), [ORG Durham] 114 and 81-3.\n"
    "[LOC Tunbridge Wells]: [ORG Nottinghamshire] 214 ([PER P. Johnstone] 84) v [ORG Kent] 108-3.\n"
    "At [LOC Portsmouth]: [ORG Middlesex] 199 and 426, [ORG Hampshire] 232 and 109-5.",
    "BASEBALL - [PER GARZA] LIFTS [ORG TEXAS] PAST [ORG MINNESOTA]\n[LOC MINNEAPOLIS] 1996-08-24\n"
    "[PER Ivan Garza] hit a three-run homer and [PER Darren Olsen] won his 11th game as the [ORG Texas Rangers] "
    "beat the [ORG Minnesota Twins] 5-2.\n"
    "[PER Olsen] (11-8) allowed two runs on six hits. [ORG Texas] leads [ORG Seattle] by five games in the AL West.\n"
    "In [LOC Baltimore], [PER Roger Pavelka] pitched a complete game as [ORG Baltimore] won for the ninth time in "
    "11 games.\n"
    "At [LOC California], [PER Tim Wakeman] pitched the [ORG Angels] past [ORG Boston].\n"
    "[ORG Chicago] reliever [PER Bill Simons] blew the save, and [ORG Toronto] snapped a six-game losing streak.\n"
    "[ORG Detroit], which was swept by [ORG Kansas City], has lost eight of its last nine.",
    "GOLF - SCORES AT WORLD SERIES OF GOLF\n[LOC AKRON], [LOC Ohio] 1996-08-25\n"
    "Scores from the final round ([LOC U.S.] unless stated):\n"
    "274 [PER Pete Mallinder] 70 66 68 70\n277 [PER Dudley Walsh] ([LOC South Africa]) 70 68 71 68\n"
    "278 [PER Davis Lovell] 70 70 69 69, [PER Gavin Norquist] ([LOC Australia]) 73 68 68 69\n",
    "BASKETBALL - [ORG PHILADELPHIA] NIP [ORG PHOENIX]\n"
    "Point guard [PER Allen Everett] scored 18 points as [ORG Philadelphia] beat [ORG Phoenix] 112-95, ending a "
    "five-game losing streak.\n"
    "The [ORG Suns] are 1-13. [ORG Philadelphia]'s bench had 40 points. [PER Everett] left [LOC Phoenix] with a "
    "bruised thumb.",
    "NFL AMERICAN FOOTBALL - [ORG COLTS] EDGE [ORG EAGLES]\n[LOC INDIANAPOLIS] 1996-12-06\n"
    "[PER Jim Harbison] threw two touchdown passes as [ORG Indianapolis] kept its playoff hopes alive with a 37-10 "
    "win over [ORG Philadelphia].\n"
    "[ORG Philadelphia] (8-6) needs help from [ORG Washington] and [ORG Dallas] to reach the playoffs. [ORG "
    "Buffalo] plays at [ORG Seattle].",
    "SKIING - WORLD CUP RESULTS\n[LOC TIGNES], [LOC France] 1996-12-05\n"
    "Results of the women's freestyle aerials:\n1. [PER Kirstie Marsh] ([LOC Australia]) 154.82 points\n2. [PER "
    "Alla Tsuperka] ([LOC Ukraine]) 149.11\n3. [PER Veronika Brenna] ([LOC U.S.]) 148.05",
    # not sport
    "[LOC Indonesia] keeps silent on [LOC Dili] clash\n[LOC JAKARTA] 1996-11-20\n"
    "[LOC Indonesia] would not comment on a [ORG Human Rights Watch] report, Foreign Minister [PER Hadi Sulaksono] "
    "said in [LOC Jakarta].\n"
    "The [ORG Foreign Ministry] in [LOC Lisbon] said [LOC Portugal] would raise the matter with the [ORG European "
    "Union].\n"
    "[PER Sulaksono] flies to [LOC New York] on Friday to address the [ORG U.N. Security Council].",
    "[LOC CHICAGO] 1996-12-06 - Hog prices rose at the [ORG Chicago Mercantile Exchange] and in [LOC Omaha].\n"
    "[LOC Omaha] stood at $54, [LOC Sioux City] at $53. [ORG Smithers Foods] bought the most, traders in [LOC "
    "Iowa] said.",
    "[LOC BEIJING] - [LOC China] on Thursday accused [LOC Taipei] of spoiling the atmosphere, the [ORG Xinhua] "
    "news agency said.\n"
    '"Talks are off," said [PER Tan Shurong], spokesman of the [ORG Taiwan Affairs Office].\n'
    "[ORG Taiwan Power Co] and [ORG Bank of China] declined to comment.",
    "MINISTER QUITS AFTER [LOC BAGHDAD] ATTACK\n"
    "[PER KHALID AL-DARRAJI], interior minister, quit on Monday, the [ORG INTERIOR MINISTRY] said.",
    "Storm Kills Four as It Moves Toward [LOC Florida]\n[LOC MIAMI] ([ORG AP]) — Four people died in [LOC Broward "
    "County], Sheriff [PER Gregory Tonelli] said.\n"
    "[ORG Florida Power & Light] said 40,000 homes in [LOC Miami-Dade] had no power.",
)

UNSEEN = (
    "[ORG Preston] stun [ORG Wolverhampton] in seven-goal thriller\n"
    "[ORG Preston] came from three goals down to beat [ORG Wolverhampton] 4-3 on Tuesday, [PER Colm Geraghty] "
    "heading the "
    "winner in stoppage time.\n"
    '[ORG Wolverhampton] goalkeeper [PER Stefan Brauer] saved a penalty. "[ORG Preston] never stop running," he said.\n'
    "Police in [LOC Preston] made six arrests before the game. [ORG Wolverhampton] play [ORG Stoke] at home on "
    "Saturday.\n"
    "[ORG Bolton] thrashed [ORG Reading] 5-1 and [ORG Portsmouth] lost at home to [ORG Ipswich].",
    "[ORG Bari] v [ORG Udinese] (1500)\n"
    "Weekend fixtures in the Italian first division:\n"
    "[ORG Parma] v [ORG Roma]\n"
    "[ORG Napoli] v [ORG Verona]\n"
    "[ORG Vicenza] v [ORG Perugia]\n"
    "[ORG Bologna] have [PER Luca Brambati] back from injury for the visit of [ORG Cagliari], and [ORG "
    "Piacenza] must do "
    "without [PER Sandro Milanesi], who is suspended.",
    "ICE HOCKEY - [ORG NHL] RESULTS\n"
    "[LOC NEW YORK] 1996-11-30\n"
    "Results of [ORG National Hockey League] games on Friday (home team in CAPS):\n"
    "[ORG BUFFALO] 4 [ORG Ottawa] 3 (OT)\n"
    "[ORG Hartford] 5 [ORG PITTSBURGH] 5\n"
    "[ORG Tampa Bay] 2 [ORG FLORIDA] 0\n"
    "[ORG COLORADO] 6 [ORG Calgary] 1\n"
    "[ORG Edmonton] 3 [ORG ST. LOUIS] 2",
    "[ORG Denver] routs [ORG Dallas] 118-91\n"
    "[LOC DENVER] - [PER Marcus Tolliver] scored 31 points and [ORG Denver] routed [ORG Dallas] 118-91 on Thursday.\n"
    "[ORG Dallas] coach [PER Phil Stavros] benched three starters. The [ORG Mavericks] fly to [LOC Denver] again in "
    "March.\n"
    "In [LOC Orlando], [ORG Orlando] snapped a four-game skid with a 99-95 win over [ORG Cleveland].\n"
    "[ORG Memphis] visits [ORG Minnesota] on Friday, and [ORG Sacramento] plays host to [ORG Portland].",
    "ATHLETICS - LEADING RESULTS AT [LOC BRUSSELS] MEETING\n"
    "[LOC BRUSSELS] 1996-08-23\n"
    "Women's 100 metres\n"
    "1. [PER Marlene Otis] ([LOC Jamaica]) 10.95 seconds\n"
    "2. [PER Gwen Tarrance] ([LOC U.S.]) 11.00\n"
    "3. [PER Zhanna Pintuseva] ([LOC Ukraine]) 11.18\n"
    "Men's 5,000 metres\n"
    "1. [PER Salah Hissaini] ([LOC Morocco]) 13 minutes 0.12 seconds\n"
    "2. [PER Daniel Komeni] ([LOC Kenya]) 13:02.38",
    "CYCLING - TOUR OF [LOC NETHERLANDS] STAGE RESULT\n"
    "Leading placings after the 195-km stage from [LOC Haarlem] to [LOC Almelo]:\n"
    "1. [PER Federico Colombani] ([LOC Italy]) [ORG Gewiss] 4 hours 20 minutes 4 seconds\n"
    "2. [PER Rolf Sorrensen] ([LOC Denmark]) [ORG Rabobank] same time\n"
    "3. [PER Max Sciandretti] ([LOC Britain]) [ORG Motorola]",
    "[ORG Brisbane] end [ORG Sydney]'s run\n"
    "[ORG Brisbane] ended [ORG Sydney]'s nine-match winning streak with a 24-10 victory at [LOC Lang Park].\n"
    "[ORG Canberra] defeated [ORG Newcastle] 18-16 and [ORG Melbourne] eased past [ORG Adelaide] 41-0.\n"
    "[ORG Sydney] captain [PER Brett Mulcahy] left the field injured. He will see a specialist in [LOC Sydney] "
    "on Monday.",
    "[ORG Munich] and [ORG Dortmund] share points\n"
    "[ORG Dortmund] drew 1-1 with [ORG Bremen] and stayed second behind [ORG Leverkusen] in the Bundesliga.\n"
    "[ORG Rostock] won 2-0 in [LOC Freiburg]; [ORG Cologne] were beaten 3-1 by [ORG Stuttgart].\n"
    "[ORG Duisburg]'s [PER Bachir Saleh] was sent off. The stadium in [LOC Duisburg] holds 30,000.",
    "[LOC Japan] through after [LOC Syria] win\n"
    "[LOC Japan] beat [LOC Syria] 2-1 in the Asian Cup on Friday, and [LOC Uzbekistan] defeated [LOC China] 2-0.\n"
    "[LOC South Korea] drew 1-1 with the [LOC United Arab Emirates] in [LOC Abu Dhabi].\n"
    "[PER Takuma Yanagi] scored for [LOC Japan].",
    "[ORG Texas] tops [ORG Oklahoma] 24-21\n"
    "[PER Ricky Dawes] ran for 182 yards and three touchdowns as [ORG Texas] beat [ORG Oklahoma] 24-21 in [LOC "
    "Dallas].\n"
    "No. 4 [ORG Nebraska] crushed [ORG Baylor] 49-0; [ORG Ohio State] held off [ORG Michigan] 17-14.\n"
    "[ORG Texas] quarterback [PER Jamal Whitlow] grew up in [LOC Oklahoma].",
    # places again
    "[LOC Buffalo] digs out of record snow\n"
    "[LOC Buffalo] got 4 feet of snow and [LOC Rochester] 3. The game was moved to [LOC Detroit].\n"
    "Mayor [PER Byron Teague] said [LOC Buffalo] lost power to 40,000 homes. [LOC Syracuse] lost water.",
    "[LOC Hamburg] wins bid\n"
    "[LOC Hamburg] beat [LOC Lyon] and [LOC Turin] to host the summit, 21 votes to 14.\n"
    "[LOC Lyon], which hosted the talks in 1996, faces [LOC Turin] in another vote. The [ORG European "
    "Commission] meets "
    "in [LOC Brussels].",
    "[LOC ANKARA], [LOC Turkey] ([ORG AP]) -- [PER Mehmet Aksoy] was freed on Monday.\n"
    "[LOC GENEVA], Sept. 9 ([ORG Xinhua]) -- The [ORG World Health Organization] warned of a shortage.\n"
    "[LOC MEXICO CITY] ([ORG Reuters]) - [PER Lucia Barragan] will run for governor of [LOC Oaxaca].\n"
    "[LOC Chicago] - A judge freed [PER Curtis Hale].",
)
